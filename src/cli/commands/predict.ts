/**
 * @file `crossover predict`: what a choice of collectives should be worth in tokens a second, from measurements of collectives and a model's shapes. Needs no GPU.
 */
import { Command } from 'commander';
import { fingerprintHere } from '../../collective/engines.ts';
import { CrossoverError } from '../../errors.ts';
import { findGpu, GPUS } from '../../interop/engines/gpus.ts';
import { expectByMeasurements } from '../../interop/predict.ts';
import { readMeasurements } from '../../interop/read/index.ts';
import { defaultPlanPath, loadPlan } from '../../plan/file.ts';
import { compilePlan } from '../../plan/lookup.ts';
import { formatPrediction, formatPredictions } from '../../report/decode-tables.ts';
import { expectSteps, type Served } from '../../workload/expect.ts';
import { VARIANTS } from '../../workload/variants.ts';
import { addModelOptions, type ModelOptions, modelOption, splitOption } from '../model-options.ts';
import {
  findGpuOption,
  MOST_RANKS,
  parseAbove,
  parseWhole,
  parseWholes,
  UsageError,
  usage,
} from '../options.ts';

interface Options extends ModelOptions {
  ranks?: string;
  batch: string;
  fusionCapMb?: string;
  against?: string;
  gpu?: string;
  stepUs?: string;
  json?: boolean;
}

const HELP = `
A step is taken to read its weights once at the GPU's memory bandwidth and to wait for its collectives, and nothing else: changes are upper bounds.
With --step-us they are of the step that you have measured.

Examples:
  By a plan, with each variant of "crossover decode"
    $ crossover predict --model llama-3.1-8b --plan results/4xh200/plan-4-gpus.json
    $ crossover predict --model llama-3.1-8b --plan results/4xh200/plan-4-gpus.json --fusion-cap-mb 2 --step-us 3400
  Of data-parallel attention, lengths padded or summed
    $ crossover predict --model qwen3-30b-a3b --attention data --plan results/4xh200/plan-4-gpus.json --batch 5,33,127
  By measurements of other programs, with each algorithm for all all-reduces of a step
    $ crossover predict --model llama-3.1-70b --gpu H200 --against unfused fused_collective.txt
`;

export function predictCommand(): Command {
  return addModelOptions(
    new Command('predict')
      .description(
        'expected change of decode throughput by a choice of collectives, from measurements of them alone',
      )
      .argument(
        '[files...]',
        'measurements of any format that "crossover import" reads, in place of a plan; - is standard input',
      ),
  )
    .option('--ranks <n>', 'world size (that of the measurements, when it is one)')
    .option('--batch <sizes>', 'sequences decoded at a time, comma-separated', '1,8,32,64,96,128')
    .option('--fusion-cap-mb <x>', 'largest message that fused-cap fuses, MiB; by a plan')
    .option('--against <algorithm>', 'what others are compared with; by files (the fastest at each batch)')
    .option('--gpu <name>', `${GPUS.map(({ name }) => name).join(', ')} (the one that was measured)`)
    .option(
      '--step-us <us>',
      'time of a step, as measured at every batch with what others are compared with (from weights and bandwidth)',
    )
    .option('--json', 'print data instead of text')
    .addHelpText('after', HELP)
    .action((files: string[], options: Options) =>
      files.length > 0 ? predictByFiles(files, options) : predictByPlan(options),
    );
}

function predictByPlan(options: Options): void {
  if (options.against !== undefined)
    throw new UsageError('--against is for files; by a plan, variants are compared with it');
  const path = options.plan ?? defaultPlanPath();
  const plan = loadPlan(path, { fingerprint: fingerprintHere('cpu'), force: true });
  const sizes = plan.entries.map(({ key }) => key.worldSize);
  const { device, host } = plan.fingerprint;
  const asked = askedOf(options, sizes, device.name, device.name ?? `${host.cpu}, the CPU engine`);
  const { served, stepUs, title } = asked;
  const isData = served.split.attention === 'data';
  if (isData && options.fusionCapMb !== undefined)
    throw new UsageError('--fusion-cap-mb goes with --attention tensor; with data, nothing is fused');
  const cap =
    options.fusionCapMb === undefined ? undefined : parseAbove(options.fusionCapMb, '--fusion-cap-mb', 0);
  const { rows, notes, lacking } = usage(
    () =>
      expectSteps({
        ...served,
        index: compilePlan(plan),
        variants: VARIANTS.filter((name) => name !== 'fused-cap' || cap !== undefined),
        capBytes: (cap ?? 0) * (1 << 20),
        stepUs,
      }),
    { stepUs: '--step-us' },
  );
  const { hidden } = served.config;
  const ranks = served.worldSize;
  if (rows.every(({ collectivesUs }) => collectivesUs === undefined)) {
    const tune = `measure it: crossover tune --ranks ${ranks} --mode replay --operations`;
    if (isData)
      throw new CrossoverError(
        `the plan lacks ${lacking.join(' and ')} of bf16 on ${ranks} ranks; ${tune} all_gather,reduce_scatter --dtype bf16`,
      );
    const quantization = served.split.precision === 'f8e4m3' ? ' --quantization none,f8e4m3_token' : '';
    throw new CrossoverError(
      `the plan lacks all_reduce_rms_norm of hidden ${hidden} on ${ranks} ranks${quantization && ' with outputs none and f8e4m3_token'}; ${tune} all_reduce,all_reduce_rms_norm,all_gather --dtype bf16,f32 --hidden ${hidden}${quantization}`,
    );
  }
  const all = [...asked.notes, ...notes];
  const { gpu } = asked;
  process.stdout.write(
    options.json
      ? `${JSON.stringify({ model: title, worldSize: ranks, gpu, rows, notes: all }, null, 2)}\n`
      : `${headOf(asked, path, all)}\n${formatPrediction(rows)}\n`,
  );
}

async function predictByFiles(files: readonly string[], options: Options): Promise<void> {
  for (const [name, value] of [
    ['--plan', options.plan],
    ['--fusion-cap-mb', options.fusionCapMb],
  ] as const)
    if (value !== undefined)
      throw new UsageError(
        name === '--plan'
          ? '--plan and files are two ways to give measurements; use one'
          : `${name} is for plans; what settings of an engine lose, "crossover check" tells`,
      );
  const set = await readMeasurements(files);
  for (const { source, message } of set.complaints)
    console.error(`${source.file}:${source.line}: ${message}`);
  const sizes = set.measurements.map(({ worldSize }) => worldSize);
  const asked = askedOf(options, sizes, set.host.gpu, set.host.gpu);
  if (asked.served.split.attention === 'data')
    throw new UsageError('--attention is "data"; by files, predictions are of tensor');
  const { served, gpu, stepUs, title } = asked;
  const { against } = options;
  const groups = usage(
    () => expectByMeasurements({ ...served, measurements: set.measurements, against, stepUs }),
    { stepUs: '--step-us', against: '--against' },
  );
  process.stdout.write(
    options.json
      ? `${JSON.stringify({ model: title, worldSize: served.worldSize, gpu, against: against ?? 'fastest', groups, notes: asked.notes }, null, 2)}\n`
      : `${headOf(asked, files.join(', '), asked.notes)}\n${formatPredictions(groups, against)}\n`,
  );
}

interface Asked {
  readonly title: string;
  readonly gpu: string | undefined;
  readonly served: Served;
  readonly stepUs: number | undefined;
  readonly notes: readonly string[];
}

/** What both ways are asked; `sizes` are the world sizes of the measurements, `its` the GPU, and `measuredOn` that or what else they were made on. */
function askedOf(
  options: Options,
  sizes: readonly number[],
  its: string | undefined,
  measuredOn: string | undefined,
): Asked {
  const worldSize =
    options.ranks === undefined ? onlyOf(sizes) : parseWhole(options.ranks, '--ranks', 2, MOST_RANKS);
  const { config, title } = modelOption(options);
  const split = splitOption(config, worldSize, options);
  const gpu = options.gpu ?? its;
  if (gpu === undefined && options.stepUs === undefined)
    throw new UsageError(
      `the measurements name no GPU; use --gpu with one of ${GPUS.map(({ name }) => name).join(', ')}, or --step-us`,
    );
  const served = {
    config,
    split,
    worldSize,
    batches: parseWholes(options.batch, '--batch', 1, 4096),
    bytesPerSecond: gpu === undefined ? undefined : findGpuOption(gpu, options.gpu).memoryTBs * 1e12,
  };
  const stepUs = options.stepUs === undefined ? undefined : parseAbove(options.stepUs, '--step-us', 0);
  return { title, gpu, served, stepUs, notes: mixtures(gpu, measuredOn) };
}

/** That collectives are of other hardware than what reads the weights. */
function mixtures(gpu: string | undefined, measuredOn: string | undefined): string[] {
  if (gpu === undefined || measuredOn === undefined || isSameGpu(gpu, measuredOn)) return [];
  return [`collectives were measured on ${measuredOn}; only weights are read as ${gpu} does`];
}

function isSameGpu(a: string, b: string): boolean {
  return tryGpu(a) !== undefined && tryGpu(a) === tryGpu(b);
}

/** Its name in GPUS; undefined for what is none of them. */
function tryGpu(name: string): string | undefined {
  try {
    return findGpu(name).name;
  } catch {
    return undefined;
  }
}

function onlyOf(sizes: readonly number[]): number {
  const [one, ...others] = new Set(sizes);
  if (one !== undefined && others.length === 0) return one;
  const there = one === undefined ? 'none' : [one, ...others].join(', ');
  throw new UsageError(`the world sizes of the measurements are ${there}; say which with --ranks`);
}

function headOf({ title, gpu, served }: Asked, from: string, notes: readonly string[]): string {
  const head = `# ${title} on ${served.worldSize} x ${gpu ?? 'devices'}, decode steps by ${from}\n`;
  return head + notes.map((note) => `# note: ${note}\n`).join('');
}
