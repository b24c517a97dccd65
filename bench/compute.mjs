/**
 * @file Kernels of models on one GPU, or on a core: time, and the rate at which they read, in the shapes of published models on two ranks.
 *
 *   node bench/compute.mjs [--device cuda] [--tokens 1,8,16,32,64,128] [--places 1024] [--only linear] [-o results/1xh200/compute.json]
 */
import { launch } from '../dist/group/launch.js';
import { formatTable } from '../dist/report/table.js';
import { presetNamed } from '../dist/workload/models/presets.js';
import { splitOf } from '../dist/workload/models/split.js';
import { header, numberOption, parseOptions, save } from './common.mjs';

const USAGE =
  'node bench/compute.mjs [--device cuda] [--models llama-3.1-8b,..] [--tokens 1,8,..] [--places 1024] [--only kernel] [-o FILE]';
const RANKS = 2;
const PAGE = 16;

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
  .flatMap((name) => tokens.flatMap((count) => casesOf(presetNamed(name), count)))
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
if (options.output) save(options.output, { ...head, ranks: RANKS, places, rows });

/** What a decode step of a model on one of two ranks runs, a case each; `bytes` are those that have to be read and written. */
function casesOf(config, count) {
  const split = splitOf(config, { worldSize: RANKS });
  const { hidden, head: size, moe } = config;
  const bf16 = (elements) => 2 * elements;
  const one = (kernel, shape, memory, operands) => ({
    model: config.name,
    kernel,
    shape,
    memory,
    operands: { ...operands, tokens: count },
    bytes: Object.values(memory).reduce((sum, bytes) => sum + bytes, 0),
  });
  const linear = (outer, inner) =>
    one(
      'linear',
      `${outer} x ${inner}`,
      { out: bf16(count * outer), x: bf16(count * inner), weight: bf16(outer * inner), bias: 0 },
      { outer, inner },
    );
  const { heads, kvHeads } = split;
  const pages = Math.ceil(places / PAGE);
  const cache = bf16(count * pages * PAGE * kvHeads * size);
  // Every token has a sequence of its own, that is as long as it may be.
  const attention = {
    given: {
      positions: new Int32Array(count).fill(places - 1),
      rows: Int32Array.from({ length: count }, (_, t) => t),
      tables: Int32Array.from({ length: count * pages }, (_, i) => i),
    },
    ...one(
      'attention',
      `${heads} / ${kvHeads} heads of ${size}, ${places} places`,
      {
        out: bf16(count * heads * size),
        query: bf16(count * heads * size),
        queryRope: 0,
        keyCache: cache,
        valueCache: cache,
        positions: 4 * count,
        rows: 4 * count,
        tables: 4 * count * pages,
        scratch: 0,
      },
      {
        heads,
        kvHeads,
        head: size,
        rope: 0,
        valueHead: size,
        pageSize: PAGE,
        pagesPerSequence: pages,
        places,
        scale: size ** -0.5,
      },
    ),
  };
  const candidates = one(
    'top_k',
    `of ${split.vocabulary}`,
    { out: 8 * count, x: bf16(count * split.vocabulary), scratch: 0 },
    { vocabulary: split.vocabulary, choices: 1, start: 0 },
  );
  const gate = (inner) =>
    one('silu_gate', `${inner}`, { out: bf16(count * inner), x: bf16(2 * count * inner) }, { inner });
  return [
    linear((heads + 2 * kvHeads) * size, hidden),
    linear(hidden, heads * size),
    ...(moe
      ? [linear(moe.experts, hidden)]
      : [linear(2 * split.inner, hidden), linear(hidden, split.inner), gate(split.inner)]),
    linear(split.vocabulary, hidden),
    attention,
    candidates,
  ];
}
