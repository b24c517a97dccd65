/**
 * @file What a call costs the host before any byte moves. Targets: dispatch under 300 ns a call and without allocating; isSymmetric
 * well under 1 us.
 */
import { fileURLToPath } from 'node:url';
import { launch } from '../dist/group/launch.js';
import { header, parseOptions, printTable, save } from './common.mjs';

const PROGRAM = fileURLToPath(new URL('dispatch-program.mjs', import.meta.url));
const options = parseOptions('node bench/dispatch.mjs [-o FILE.json]', {
  output: { type: 'string', short: 'o' },
});

const head = await header();
const [rows] = await launch(PROGRAM, { ranks: 1 });
console.log(
  `# crossover ${head.versions.crossover}, Node.js ${process.version}, ${head.host.cpu}: 1 rank, 0 elements`,
);
printTable(
  ['<', 'ns a call', '+-', 'bytes allocated', 'bytes kept'],
  rows.map(({ name, ns, spread, allocated, kept }) => [
    name,
    ns.toFixed(1),
    spread.toFixed(1),
    allocated.toFixed(2),
    kept.toFixed(3),
  ]),
);
if (options.output) save(options.output, { ...head, rows });
