/**
 * @file All-reduce (f32, sum) against Open MPI's over shared memory, in one run: the two take turns, and never run at the same time.
 * See README.md for the two protocols. Targets: at most 0.5 of Open MPI's time up to 64 KiB, at most 0.8 above.
 */
import { fileURLToPath } from 'node:url';
import { launch } from '../dist/group/launch.js';
import { median } from '../dist/measure/statistics.js';
import { formatSize, parseSize, sizeRange } from '../dist/units.js';
import {
  digits,
  fail,
  header,
  nameOf,
  numberOption,
  orFail,
  overRounds,
  parseOptions,
  printTable,
  round,
  save,
} from './common.mjs';
import { buildPeer, runPeer } from './peers/openmpi.mjs';

const USAGE =
  'node bench/openmpi.mjs [--ranks 2] [-b 1K] [-e 64M] [-f 2] [--rounds 5] [--seconds 0.5] [--protocol touched|plain|both] [-o FILE.json]';
const PROGRAM = fileURLToPath(new URL('all-reduce-program.mjs', import.meta.url));
const SMALL = 64 * 1024;

const options = parseOptions(USAGE, {
  ranks: { type: 'string', default: '2' },
  begin: { type: 'string', short: 'b', default: '1K' },
  end: { type: 'string', short: 'e', default: '64M' },
  factor: { type: 'string', short: 'f', default: '2' },
  rounds: { type: 'string', default: '5' },
  seconds: { type: 'string', default: '0.5' },
  protocol: { type: 'string', default: 'both' },
  output: { type: 'string', short: 'o' },
});
const ranks = numberOption(options.ranks, '--ranks', 2);
const rounds = numberOption(options.rounds, '--rounds', 1);
const seconds = numberOption(options.seconds, '--seconds', 0);
const factor = numberOption(options.factor, '-f', 1.01);
const begin = orFail(() => parseSize(options.begin, '-b'));
const end = orFail(() => parseSize(options.end, '-e'));
const protocols = options.protocol === 'both' ? ['touched', 'plain'] : [options.protocol];
if (!protocols.every((protocol) => protocol === 'touched' || protocol === 'plain')) fail(`usage: ${USAGE}`);
// Whole floats, as the peer rounds them.
const sizes = orFail(() => sizeRange(begin, end, factor)).map(
  (bytes) => Math.max(1, Math.round(bytes / 4)) * 4,
);

buildPeer();
const head = await header();
const taken = protocols.map((protocol) => ({ protocol, openmpi: [], crossover: [] }));
for (let k = 0; k < rounds; k++) {
  for (const { protocol, openmpi, crossover } of taken) {
    const turns = [
      async () => openmpi.push(await runPeer({ ranks, begin, end, factor, seconds, protocol })),
      async () => crossover.push((await launch(PROGRAM, { ranks, data: { sizes, protocol, seconds } }))[0]),
    ];
    console.error(`round ${k + 1} of ${rounds}, ${protocol}`);
    // Who goes first alternates: neither always follows a rest.
    for (const turn of k % 2 === 0 ? turns : turns.reverse()) await turn();
  }
}

const { library, singleCopy } = taken[0].openmpi[0];
console.log(
  `# ${library} (single copy: ${singleCopy}) against crossover ${head.versions.crossover}, replay, all_reduce f32 sum`,
);
console.log(
  `# ${ranks} ranks on ${head.host.cpu}, ${head.host.cores} cores; medians of ${rounds} rounds, us`,
);
const rows = taken.flatMap(({ protocol, openmpi, crossover }) =>
  sizes.map((bytes, i) => compare(protocol, bytes, i, openmpi, crossover)),
);
for (const protocol of protocols)
  report(
    protocol,
    rows.filter((row) => row.protocol === protocol),
  );
if (options.output) {
  save(options.output, {
    ...head,
    versions: { ...head.versions, openmpi: library, singleCopy },
    ranks,
    rounds,
    target: { upTo64K: 0.5, above: 0.8 },
    rows,
  });
}

/** One size: the peer's median over rounds, and every algorithm's; the fastest is what a plan made now would choose. */
function compare(protocol, bytes, i, openmpi, crossover) {
  const theirs = openmpi.map((one) => one.rows[i]);
  if (theirs.some((row) => row?.bytes !== bytes))
    fail(`Open MPI's rows do not match: no ${bytes} bytes in row ${i + 1}`);
  const algorithms = overRounds(crossover.map((one) => one[i].timings));
  const us = round(median(theirs.map((row) => row.us)));
  const target = bytes <= SMALL ? 0.5 : 0.8;
  const ratio = round(algorithms[0].us / us);
  return {
    protocol,
    bytes,
    openmpi: {
      us,
      spread: round(median(theirs.map((row) => row.spread))),
      rounds: theirs.map((row) => row.us),
    },
    crossover: algorithms[0],
    ratio,
    target,
    met: ratio <= target,
    algorithms,
  };
}

function report(protocol, own) {
  console.log(`\n${protocol}`);
  printTable(
    ['size', 'Open MPI', '+-', 'crossover', '+-', '<algorithm', 'ratio', 'target', '<'],
    own.map((row) => [
      formatSize(row.bytes),
      digits(row.openmpi.us),
      digits(row.openmpi.spread),
      digits(row.crossover.us),
      digits(row.crossover.spread),
      nameOf(row.crossover),
      row.ratio.toFixed(2),
      row.target.toFixed(1),
      row.met ? 'met' : 'MISSED',
    ]),
  );
  console.log(`${own.filter((row) => row.met).length} of ${own.length} sizes met`);
  const smallest = own.find((row) => row.bytes === 1024);
  if (smallest && ranks === 2) {
    console.log(
      `1 KiB under 1 us: ${digits(smallest.crossover.us)} us, ${smallest.crossover.us < 1 ? 'met' : 'MISSED'}`,
    );
  }
}
