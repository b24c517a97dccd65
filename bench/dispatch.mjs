/**
 * @file What a call costs the host. On the CPU engine, before any byte moves: dispatch under 300 ns a call and without allocating, isSymmetric well
 * under 1 us. On GPUs, until an all-reduce of 8 KiB is enqueued: under 6 us a call, under 4 us a replay.
 */
import { fileURLToPath } from 'node:url';
import { engineFor, parseEngine } from '../dist/collective/engines.js';
import { launch } from '../dist/group/launch.js';
import { header, numberOption, orFail, parseOptions, printTable, save } from './common.mjs';

const options = parseOptions('node bench/dispatch.mjs [--device cuda [--ranks 2]] [-o FILE.json]', {
  device: { type: 'string', default: 'cpu' },
  ranks: { type: 'string', default: '2' },
  output: { type: 'string', short: 'o' },
});
const device = orFail(() => parseEngine(options.device, '--device'));
const ranks = device === 'cpu' ? 1 : numberOption(options.ranks, '--ranks', 2);
orFail(() => engineFor(ranks, device));

const head = await header(device);
const program = device === 'cpu' ? 'dispatch-program.mjs' : 'dispatch-cuda-program.mjs';
const [rows] = await launch(fileURLToPath(new URL(program, import.meta.url)), { ranks });
const where = `crossover ${head.versions.crossover}, Node.js ${process.version}, ${head.host.cpu}`;
if (device === 'cpu') {
  console.log(`# ${where}: 1 rank, 0 elements`);
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
} else {
  console.log(`# ${where}, ${ranks} x ${head.device.name}: host time, the slowest rank`);
  printTable(
    ['<', 'us a call', '+-', 'target', 'calls'],
    rows.map(({ name, us, spread, target, calls }) => [
      name,
      us.toFixed(2),
      spread.toFixed(2),
      target === undefined ? '' : `< ${target}${us < target ? '' : ' missed'}`,
      String(calls),
    ]),
  );
}
if (options.output) save(options.output, { ...head, ranks, rows });
