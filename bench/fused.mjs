/**
 * @file Fused all-reduce + residual + RMSNorm against what it replaces: the best pair of an all-reduce and one kernel for the rest, and
 * the best sequence of all-reduce, add and RMSNorm. Replay, all contenders taking turns in one measurement.
 */
import { fileURLToPath } from 'node:url';
import { launch } from '../dist/group/launch.js';
import { formatSize } from '../dist/units.js';
import {
  digits,
  header,
  nameOf,
  numberOption,
  overRounds,
  parseOptions,
  printTable,
  round,
  save,
} from './common.mjs';

const USAGE = 'node bench/fused.mjs [--ranks 2] [--dtype bf16] [--rounds 5] [--seconds 2] [-o FILE.json]';
const PROGRAM = fileURLToPath(new URL('fused-program.mjs', import.meta.url));
const KIB = 1024;

const options = parseOptions(USAGE, {
  ranks: { type: 'string', default: '2' },
  dtype: { type: 'string', default: 'bf16' },
  rounds: { type: 'string', default: '5' },
  seconds: { type: 'string', default: '2' },
  output: { type: 'string', short: 'o' },
});
const ranks = numberOption(options.ranks, '--ranks', 1);
const rounds = numberOption(options.rounds, '--rounds', 1);
const seconds = numberOption(options.seconds, '--seconds', 0);
const { dtype } = options;
// A row of 4096 bf16 is 8 KiB already.
const points = [
  { bytes: 4 * KIB, hidden: 2048 },
  ...[8, 16, 32, 64, 128, 256, 1024].map((kib) => ({ bytes: kib * KIB, hidden: 4096 })),
];

const head = await header();
const taken = [];
for (let k = 0; k < rounds; k++) {
  console.error(`round ${k + 1} of ${rounds}`);
  taken.push((await launch(PROGRAM, { ranks, data: { points, dtype, seconds } }))[0]);
}
const rows = points.map(({ bytes, hidden }, i) =>
  compare(bytes, hidden, overRounds(taken.map((one) => one[i]))),
);

console.log(
  `# crossover ${head.versions.crossover}: all_reduce + residual + RMSNorm, ${dtype}, ${ranks} ranks, replay`,
);
console.log(`# ${head.host.cpu}, ${head.host.cores} cores; medians of ${rounds} rounds, us`);
printTable(
  [
    'size',
    'hidden',
    'fused',
    '<algorithm',
    'pair',
    '<algorithm',
    'three',
    '<algorithm',
    'fused/pair',
    'fused/three',
  ],
  rows.map(({ bytes, hidden, fused, pair, three, ...ratios }) => [
    formatSize(bytes),
    String(hidden),
    ...[fused, pair, three].flatMap((best) => [digits(best.us), nameOf(best)]),
    ratios.toPair.toFixed(2),
    ratios.toThree.toFixed(2),
  ]),
);
if (options.output) save(options.output, { ...head, ranks, dtype, mode: 'replay', rounds, rows });

/** The best of each kind; `algorithms` is sorted, the fastest first. */
function compare(bytes, hidden, algorithms) {
  const best = (wanted) => algorithms.find(({ algorithm }) => kind(algorithm) === wanted);
  const [fused, pair, three] = [best('fused'), best('pair'), best('three')];
  return {
    bytes,
    hidden,
    fused,
    pair,
    three,
    toPair: round(fused.us / pair.us),
    toThree: round(fused.us / three.us),
    algorithms,
  };
}

function kind(name) {
  return name.startsWith('three_') ? 'three' : name.startsWith('unfused_') ? 'pair' : 'fused';
}
