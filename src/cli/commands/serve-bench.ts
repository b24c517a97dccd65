/**
 * @file `crossover serve-bench`: replays requests that arrive at random through continuous batching, and prints what serving engines print.
 */
import { writeFileSync } from 'node:fs';
import { Command } from 'commander';
import { type EngineName, fingerprintHere, LIMITS } from '../../collective/engines.ts';
import { CrossoverError } from '../../errors.ts';
import { launch } from '../../group/launch.ts';
import { formatGlance, formatRates } from '../../report/serve-tables.ts';
import { bold } from '../../report/table.ts';
import { VERSION } from '../../version.ts';
import { SERVED_MODELS } from '../../workload/serve/create-runner.ts';
import { parseLengths } from '../../workload/serve/lengths.ts';
import type { ServeOutcome } from '../../workload/serve/program.ts';
import type { ServeRequest } from '../../workload/serve/request.ts';
import type { ServeResult } from '../../workload/serve/result.ts';
import { SCHEDULES } from '../../workload/serve/scheduler.ts';
import { VARIANTS } from '../../workload/variants.ts';
import {
  checkOutput,
  DEVICE_FLAGS,
  DEVICE_HELP,
  defaultRanks,
  engineOption,
  hardwareOf,
  MOST_RANKS,
  PROCESSES_FLAG,
  PROCESSES_HELP,
  parseAbove,
  parseName,
  parseNames,
  parseWhole,
  processesOption,
  usage,
} from '../options.ts';

interface Options {
  model: string;
  layers?: string;
  ranks: string;
  device?: string;
  processes?: boolean;
  qps: string;
  duration: string;
  prompt: string;
  seed: string;
  variants?: string;
  plan?: string;
  fusionCapMb?: string;
  schedule: string;
  maxSequences?: string;
  maxTokens?: string;
  pageSize?: string;
  json?: boolean;
  output?: string;
}

const HELP = `
Lengths of --prompt:
  sonnet              as the engines' dataset: prompts of 543 tokens, give or take 6, outputs of 150; shortened for models with less room
  fixed:IN,OUT        all prompts of IN tokens, all outputs of OUT
  uniform:A-B,C-D     prompts of A to B tokens, outputs of C to D

Examples:
  $ crossover serve-bench --model tiny --qps 1,5,10 --duration 60
  $ crossover serve-bench --model tiny --qps 20 --duration 10 --prompt uniform:20-60,5-20 --variants unfused,fused
  With curves over the rate on a page
    $ crossover serve-bench --model tiny -o serve.json; crossover report serve.json
`;

export function serveBenchCommand(): Command {
  return new Command('serve-bench')
    .description('replay requests through continuous batching, in the columns of vLLM and SGLang')
    .option('--model <name>', SERVED_MODELS.join(', '), 'tiny')
    .option('--layers <n>', 'only the first layers of the model (all)')
    .option('--ranks <n>', 'world size', String(defaultRanks()))
    .option(DEVICE_FLAGS, DEVICE_HELP)
    .option(PROCESSES_FLAG, PROCESSES_HELP)
    .option('--qps <rates>', 'requests a second, comma-separated', '1,5,10')
    .option('--duration <s>', 'seconds in which requests arrive, at each rate; all are then served', '60')
    .option('--prompt <lengths>', 'of prompts and outputs, see below', 'sonnet')
    .option('--seed <n>', 'of arrivals, lengths and tokens: the same for all rates and variants', '0')
    .option('--variants <names>', `comma-separated: ${VARIANTS.join(', ')} (all that can run here)`)
    .option('--plan <file>', 'of --variants plan ($CROSSOVER_PLAN, or crossover-plan.json)')
    .option('--fusion-cap-mb <x>', 'largest message that --variants fused-cap fuses, MiB')
    .option('--schedule <name>', SCHEDULES_HELP, SCHEDULES[0])
    .option('--max-sequences <n>', 'sequences at a time (what the model has room for)')
    .option('--max-tokens <n>', 'tokens of a step (what the model has room for)')
    .option('--page-size <n>', 'places of a page of the cache (what the executor takes)')
    .option('--json', 'print data instead of text')
    .option('-o, --output <file>', 'write the data there, too, for "crossover report"')
    .addHelpText('after', HELP)
    .action(run);
}

const SCHEDULES_HELP =
  'prompts-first: steps of prompts, then steps of outputs (as SGLang); mixed: both in one step (as vLLM)';

async function run(options: Options): Promise<void> {
  const ranks = parseWhole(options.ranks, '--ranks', 1, MOST_RANKS);
  const device = engineOption(options.device, ranks);
  parseWhole(options.ranks, '--ranks', 1, LIMITS[device].ranks);
  const request = requestOf(options, device);
  if (options.output !== undefined) checkOutput(options.output, '-o');
  const outcomes = await launch<ServeOutcome | undefined>(
    new URL('../../workload/serve/program.js', import.meta.url),
    { ranks, processes: processesOption(options.processes, device), data: request },
  );
  const result = resultOf(request, ranks, device, outcomes[0]!);
  const text = `${JSON.stringify(result, null, 2)}\n`;
  process.stdout.write(options.json ? text : describe(result));
  if (options.output === undefined) return;
  try {
    writeFileSync(options.output, text);
  } catch (error) {
    throw new CrossoverError(`cannot write ${options.output}: ${(error as Error).message}`, { cause: error });
  }
  if (!options.json) console.log(`\nwritten to ${options.output}; "crossover report" makes curves of it`);
}

function requestOf(options: Options, engine: EngineName): ServeRequest {
  const { layers, maxSequences, maxTokens, pageSize, fusionCapMb, variants } = options;
  const whole = (text: string | undefined, option: string, most: number): number | undefined =>
    text === undefined ? undefined : parseWhole(text, option, 1, most);
  usage(() => parseLengths(options.prompt));
  return {
    model: parseName(options.model.toLowerCase(), '--model', SERVED_MODELS),
    layers: whole(layers, '--layers', 1000),
    rates: [...new Set(options.qps.split(',').map((rate) => parseAbove(rate, '--qps', 0)))],
    seconds: parseAbove(options.duration, '--duration', 0),
    prompt: options.prompt,
    seed: parseWhole(options.seed, '--seed', 0, 2 ** 31 - 1),
    variants: variants === undefined ? undefined : parseNames(variants, '--variants', VARIANTS),
    schedule: parseName(options.schedule, '--schedule', SCHEDULES),
    plan: options.plan,
    fusionCapMb: fusionCapMb === undefined ? undefined : parseAbove(fusionCapMb, '--fusion-cap-mb', 0),
    maxSequences: whole(maxSequences, '--max-sequences', 4096),
    maxTokens: whole(maxTokens, '--max-tokens', 1 << 20),
    pageSize: whole(pageSize, '--page-size', 1 << 16),
    engine,
    progress: process.stderr.isTTY === true,
  };
}

function resultOf(
  request: ServeRequest,
  worldSize: number,
  device: EngineName,
  outcome: ServeOutcome,
): ServeResult {
  const { engine, host, device: hardware } = fingerprintHere(device);
  const { model, layers, prompt, seconds, seed, schedule } = request;
  return {
    benchmark: 'serve-bench',
    schema: 1,
    crossover: VERSION,
    date: new Date().toISOString(),
    command: `crossover ${process.argv.slice(2).join(' ')}`,
    engine,
    host,
    device: hardware,
    model,
    ...(layers === undefined ? {} : { layers }),
    worldSize,
    prompt,
    seconds,
    seed,
    schedule,
    ...outcome,
  };
}

function describe(result: ServeResult): string {
  const { model, layers, worldSize, engine, host, device, rows, skipped, seconds, prompt, most } = result;
  const what = layers === undefined ? model : `${model} (${layers} layers)`;
  return `${[
    `# crossover ${VERSION}: serving ${what}, ${worldSize} ranks, ${engine} engine on ${hardwareOf(host, device)}`,
    `# Poisson arrivals for ${seconds} s at each rate, ${prompt}: prompts to ${most.input} tokens, outputs to ${most.output}; no prefix is shared`,
    ...skipped.map(({ variant, reason }) => `# not run: ${variant}: ${reason}`),
    `\n${formatRates(rows)}`,
    `\n${bold('All rates')}, ms; * is the lowest median of a rate`,
    formatGlance(rows),
  ].join('\n')}\n`;
}
