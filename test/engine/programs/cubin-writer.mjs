// A writer and reader of a cubin cache among others. It reads every key again and again, and writes what it does not find or when its turn comes;
// what it reads must be whole. Prints how often it read and wrote.
import { CubinCache } from '../../../dist/engine/cuda/cubin-cache.js';
import { contentOf, keyOf } from './cubins.mjs';

const [folder, seed, rounds] = process.argv.slice(2);
const cache = new CubinCache((line) => {
  throw new Error(line);
}, folder);
let reads = 0;
let writes = 0;
for (let round = 0; round < Number(rounds); round++) {
  for (let key = 0; key < 4; key++) {
    const cubin = cache.read(keyOf(key));
    if (cubin) {
      reads++;
      if (!contentOf(key).equals(cubin)) throw new Error(`key ${key} is not what was written`);
    }
    if (!cubin || (round + Number(seed)) % 3 === key % 3) {
      cache.write(keyOf(key), contentOf(key));
      writes++;
    }
  }
}
console.log(JSON.stringify({ reads, writes }));
