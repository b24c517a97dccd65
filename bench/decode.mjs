/**
 * @file Decode steps of models in their published shapes, with each way to dispatch collectives, judged by our targets. For each model a plan first; a cap twice
 * as high as its crossover, where there is one, is among the variants.
 *
 *   node bench/decode.mjs --runs qwen3-30b-a3b:4,llama-3.1-70b:4,llama-3.1-8b:2 -o results/4xh200 [--batch 1,8,32,64,96,128] [--steps 16] [--seconds 240]
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { formatTable } from '../dist/report/table.js';
import { presetNamed } from '../dist/workload/models/presets.js';
import { numberOption, orFail, parseOptions } from './common.mjs';
import { crossoverOf, judgeDecode } from './decode-targets.mjs';

const USAGE =
  'node bench/decode.mjs --runs MODEL:RANKS,... -o FOLDER [--batch 1,8] [--steps 16] [--seconds 240] [--device cuda]';
const MAIN = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const MIB = 1 << 20;
const BF16_BYTES = 2;

const options = parseOptions(USAGE, {
  runs: { type: 'string', default: 'qwen3-30b-a3b:4,llama-3.1-70b:4,llama-3.1-8b:2' },
  output: { type: 'string', short: 'o', default: 'results' },
  batch: { type: 'string', default: '1,8,32,64,96,128' },
  steps: { type: 'string', default: '16' },
  seconds: { type: 'string', default: '240' },
  device: { type: 'string', default: 'cuda' },
});
const seconds = numberOption(options.seconds, '--seconds', 1);
const runs = options.runs.split(',').map((run) => {
  const [model, ranks] = run.split(':');
  return { config: orFail(() => presetNamed(model)), ranks: numberOption(ranks, `ranks of ${model}`, 1) };
});
const most = Math.max(...options.batch.split(',').map((batch) => numberOption(batch, '--batch', 1)));

let failed = 0;
for (const { config, ranks } of runs) failed += run(config, ranks) ? 0 : 1;
process.exit(failed === 0 ? 0 : 1);

/** Whether it ran, and met all targets. */
function run(config, ranks) {
  const name = `${config.name}-${ranks}-ranks`;
  const plan = join(options.output, `plan-${name}.json`);
  const row = config.hidden * BF16_BYTES;
  const common = ['--device', options.device, '--ranks', String(ranks)];
  const tuned = crossover([
    ...[
      'tune',
      ...common,
      '--operations',
      'all_reduce,all_reduce_rms_norm',
      '--dtype',
      'bf16',
      '--mode',
      'replay',
    ],
    ...[
      '--hidden',
      String(config.hidden),
      '-b',
      String(row),
      '-e',
      String(2 * most * row),
      '-f',
      '2',
      '--seconds',
      '15',
      '-o',
      plan,
    ],
  ]);
  if (!tuned) return false;
  const from = crossoverOf(JSON.parse(readFileSync(plan, 'utf8')), config.hidden);
  const cap = from === undefined ? [] : ['--fusion-cap-mb', String((2 * from) / MIB)];
  console.error(
    from === undefined
      ? `${name}: fused wins at all sizes; no cap is too high`
      : `${name}: a cap of ${2 * from} bytes, twice the crossover`,
  );
  const file = join(options.output, `decode-${name}.json`);
  const decoded = crossover([
    ...['decode', ...common, '--model', config.name, '--batch', options.batch, '--steps', options.steps],
    ...['--plan', plan, ...cap, '-o', file],
  ]);
  if (!decoded) return false;
  const lines = judgeDecode(JSON.parse(readFileSync(file, 'utf8')), config);
  const head = [
    { head: name, left: true },
    { head: 'reached' },
    { head: 'target', left: true },
    { head: '', left: true },
  ];
  console.log(
    `\n${formatTable(
      head,
      lines.map(([what, value, target, met]) => [what, value.toFixed(3), target, met ? 'met' : 'MISSED']),
    )}\n`,
  );
  return lines.every(([, , , met]) => met);
}

/** Runs a command of ours, its output shown; false when it failed or took too long. */
function crossover(args) {
  console.error(`\n$ crossover ${args.join(' ')}`);
  const { status, error } = spawnSync(process.execPath, [MAIN, ...args], {
    stdio: 'inherit',
    timeout: 1000 * seconds,
    killSignal: 'SIGKILL',
    env: { ...process.env, CROSSOVER_TRACE: '1' },
  });
  if (error) console.error(`crossover ${args[0]}: ${error.message}`);
  return status === 0;
}
