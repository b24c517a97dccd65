/**
 * @file Kernels of models on one GPU, or on a core: time, and the rate at which they read, in the shapes of published models on two ranks.
 *
 *   node bench/compute.mjs [--device cuda] [--tokens 1,8,16,32,64,128] [--places 1024] [--only linear] [-o results/1xh200/compute.json]
 */
import { launch } from '../dist/group/launch.js';
import { formatTable } from '../dist/report/table.js';
import { presetNamed } from '../dist/workload/models/presets.js';
import { header, numberOption, parseOptions, save } from './common.mjs';
import { casesOf, RANKS } from './compute-cases.mjs';

const USAGE =
  'node bench/compute.mjs [--device cuda] [--models llama-3.1-8b,..] [--tokens 1,8,..] [--places 1024] [--only kernel] [-o FILE]';

const options = parseOptions(USAGE, {
  device: { type: 'string', default: 'cuda' },
  models: { type: 'string', default: 'llama-3.1-8b,llama-3.1-70b,qwen3-30b-a3b' },
  tokens: { type: 'string', default: '1,8,16,32,64,128' },
  places: { type: 'string', default: '1024' },
  only: { type: 'string', default: '' },
  output: { type: 'string', short: 'o' },
});
const places = numberOption(options.places, '--places', 1);
const tokens = options.tokens.split(',').map((text) => numberOption(text, '--tokens', 1));
const cases = options.models
  .split(',')
  .flatMap((name) => tokens.flatMap((count) => casesOf(presetNamed(name), count, places)))
  .filter(({ kernel }) => options.only === '' || kernel === options.only);
const head = await header(options.device);
const [rows] = await launch(new URL('compute-program.mjs', import.meta.url), {
  ranks: 1,
  data: { engine: options.device, cases },
});
console.log(
  formatTable(
    [
      { head: 'model', left: true },
      { head: 'kernel', left: true },
      { head: 'shape', left: true },
      { head: 'tokens' },
      { head: 'us' },
      { head: 'GB/s' },
    ],
    rows.map(({ model, kernel, shape, operands, us, bytes }) => [
      model,
      kernel,
      shape,
      String(operands.tokens),
      us.toFixed(2),
      (bytes / us / 1e3).toFixed(0),
    ]),
  ),
);
if (options.output) {
  const kept = rows.map(({ model, kernel, shape, operands: { tokens }, us, bytes }) => ({
    model,
    kernel,
    shape,
    tokens,
    us,
    bytes,
  }));
  save(options.output, { ...head, ranks: RANKS, places, rows: kept });
}
