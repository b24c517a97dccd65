/** @file What runs under compute-sanitizer: a few problems of every algorithm on two GPUs. Exits 1 when a result is wrong. */
import { launch } from '../../dist/group/launch.js';

const PROGRAMS = [
  ['reduce.ts', { small: 6, large: 0 }],
  ['move.ts', { small: 6, large: 0 }],
  ['fused.ts', { every: 60 }],
];

let wrong = 0;
for (const [name, options] of PROGRAMS) {
  const url = new URL(`../collective/programs/${name}`, import.meta.url);
  // Everything is slow here; a wait that lasts is no fault.
  const [{ problems }] = await launch(url, {
    ranks: 2,
    timeoutSeconds: 0,
    data: { engine: 'cuda', options },
  });
  for (const problem of problems) console.log(problem);
  wrong += problems.length;
}
process.exitCode = wrong > 0 ? 1 : 0;
