/**
 * @file `crossover predict`: what a choice of collectives should be worth in tokens a second, from a plan's measurements and a model's shapes. Needs no GPU.
 */
import { Command } from 'commander';
import { fingerprintHere } from '../../collective/engines.ts';
import { CrossoverError } from '../../errors.ts';
import { findGpu, GPUS } from '../../interop/engines/gpus.ts';
import { defaultPlanPath, loadPlan } from '../../plan/file.ts';
import { compilePlan } from '../../plan/lookup.ts';
import type { Plan } from '../../plan/plan.ts';
import { formatPrediction } from '../../report/decode-tables.ts';
import { expectSteps } from '../../workload/expect.ts';
import { VARIANTS } from '../../workload/variants.ts';
import { addModelOptions, type ModelOptions, modelOption, splitOption } from '../model-options.ts';
import { MOST_RANKS, parseAbove, parseWhole, parseWholes, UsageError, usage } from '../options.ts';

interface Options extends ModelOptions {
  ranks?: string;
  batch: string;
  fusionCapMb?: string;
  gpu?: string;
  stepUs?: string;
  json?: boolean;
}

const HELP = `
A step is taken to read its weights once at the GPU's memory bandwidth and to wait for its collectives, and nothing else: changes are upper bounds.
With --step-us they are of the step that you have measured.

Examples:
  $ crossover predict --model llama-3.1-8b --plan results/4xh200/plan-4-gpus.json
  $ crossover predict --model llama-3.1-8b --plan results/4xh200/plan-4-gpus.json --fusion-cap-mb 2 --step-us 3400
`;

export function predictCommand(): Command {
  return addModelOptions(
    new Command('predict').description(
      'expected change of decode throughput by a choice of collectives, from a plan alone',
    ),
  )
    .option('--ranks <n>', "world size (the plan's, when it has one)")
    .option('--batch <sizes>', 'sequences decoded at a time, comma-separated', '1,8,32,64,96,128')
    .option('--fusion-cap-mb <x>', 'largest message that fused-cap fuses, MiB')
    .option('--gpu <name>', `${GPUS.map(({ name }) => name).join(', ')} (the plan's)`)
    .option(
      '--step-us <us>',
      'time of a step with the plan, as measured, at every batch (from weights and bandwidth)',
    )
    .option('--json', 'print data instead of text')
    .addHelpText('after', HELP)
    .action(run);
}

function run(options: Options): void {
  const plan = loadPlan(options.plan ?? defaultPlanPath(), {
    fingerprint: fingerprintHere('cpu'),
    force: true,
  });
  const worldSize =
    options.ranks === undefined ? worldSizeOf(plan) : parseWhole(options.ranks, '--ranks', 2, MOST_RANKS);
  const { config, title } = modelOption(options);
  const split = splitOption(config, worldSize, options);
  if (split.attention === 'data') throw new UsageError('--attention is "data"; predictions are of tensor');
  const cap =
    options.fusionCapMb === undefined ? undefined : parseAbove(options.fusionCapMb, '--fusion-cap-mb', 0);
  const gpu = options.gpu ?? plan.fingerprint.device.name;
  if (gpu === undefined && options.stepUs === undefined)
    throw new UsageError(
      `the plan names no GPU; use --gpu with one of ${GPUS.map(({ name }) => name).join(', ')}, or --step-us`,
    );
  const { rows: expected, notes } = expectSteps({
    config,
    split,
    worldSize,
    index: compilePlan(plan),
    batches: parseWholes(options.batch, '--batch', 1, 4096),
    variants: VARIANTS.filter((name) => name !== 'fused-cap' || cap !== undefined),
    capBytes: (cap ?? 0) * (1 << 20),
    bytesPerSecond: gpu === undefined ? undefined : usage(() => findGpu(gpu)).memoryTBs * 1e12,
    stepUs: options.stepUs === undefined ? undefined : parseAbove(options.stepUs, '--step-us', 0),
  });
  if (expected.every(({ collectivesUs }) => collectivesUs === undefined))
    throw new CrossoverError(
      `the plan has no all_reduce_rms_norm of hidden ${config.hidden} on ${worldSize} ranks; measure it: crossover tune --ranks ${worldSize} --operations all_reduce,all_reduce_rms_norm,all_gather --dtype bf16,f32 --mode replay --hidden ${config.hidden}`,
    );
  process.stdout.write(
    options.json
      ? `${JSON.stringify({ model: title, worldSize, gpu, rows: expected, notes }, null, 2)}\n`
      : `# ${title} on ${worldSize} x ${gpu ?? 'GPUs'}, decode steps by ${options.plan ?? defaultPlanPath()}\n${notes.map((note) => `# note: ${note}\n`).join('')}\n${formatPrediction(expected)}\n`,
  );
}

function worldSizeOf({ entries }: Plan): number {
  const sizes = [...new Set(entries.map(({ key }) => key.worldSize))];
  if (sizes.length === 1) return sizes[0]!;
  throw new UsageError(`the plan has world sizes ${sizes.join(', ')}; say which with --ranks`);
}
