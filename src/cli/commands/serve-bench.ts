/**
 * @file `crossover serve-bench`: replays requests that arrive at random through continuous batching, and prints what serving engines print.
 */
import { Command } from 'commander';
import type { EngineName } from '../../collective/engines.ts';
import { launch } from '../../group/launch.ts';
import { formatGlance, formatRates } from '../../report/serve-tables.ts';
import { bold } from '../../report/table.ts';
import { fitLengths, parseLengths, placesOf } from '../../workload/serve/lengths.ts';
import { MOST_REQUESTS } from '../../workload/serve/load.ts';
import type { ServeOutcome } from '../../workload/serve/program.ts';
import type { ServeRequest } from '../../workload/serve/request.ts';
import type { ServeResult } from '../../workload/serve/result.ts';
import { SCHEDULES } from '../../workload/serve/scheduler.ts';
import { parseVariants, VARIANTS } from '../../workload/variants.ts';
import {
  addModelOptions,
  type ChosenModel,
  checkFits,
  type ModelOptions,
  modelOption,
  planOption,
  splitOption,
} from '../model-options.ts';
import { give, headLines, recordOf } from '../model-results.ts';
import { checkOutput, parseAbove, parseName, parseWhole, UsageError, usage } from '../options.ts';
import { addRankOptions, type RankOptions, ranksOption } from '../rank-options.ts';
import { cappedVariants, refuseVariants } from '../variant-options.ts';

interface Options extends ModelOptions, RankOptions {
  qps: string;
  duration: string;
  prompt: string;
  seed: string;
  variants?: string;
  fusionCapMb?: string;
  schedule: string;
  maxSequences: string;
  maxTokens: string;
  pageSize: string;
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
  return addRankOptions(
    addModelOptions(
      new Command('serve-bench').description(
        'replay requests through continuous batching, in the columns of vLLM and SGLang',
      ),
      { random: true, data: false },
    ),
  )
    .option('--qps <rates>', 'requests a second, comma-separated', '1,5,10')
    .option('--duration <s>', 'seconds in which requests arrive, at each rate; all are then served', '60')
    .option('--prompt <lengths>', 'of prompts and outputs, see below', 'sonnet')
    .option('--seed <n>', 'of arrivals, lengths and tokens: the same for all rates and variants', '0')
    .option('--variants <names>', `comma-separated: ${VARIANTS.join(', ')} (all that can run here)`)
    .option('--fusion-cap-mb <x>', 'largest message that fused-cap fuses, MiB')
    .option('--schedule <name>', SCHEDULES_HELP, SCHEDULES[0])
    .option('--max-sequences <n>', 'sequences at a time', '64')
    .option('--max-tokens <n>', 'tokens of a step', '2048')
    .option('--page-size <n>', 'places of a page of the cache', '64')
    .option('--json', 'print data instead of text')
    .option('-o, --output <file>', 'write the data there, too, for "crossover report"')
    .addHelpText('after', HELP)
    .action(run);
}

const SCHEDULES_HELP =
  'prompts-first: steps of prompts, then steps of outputs (as SGLang); mixed: both in one step (as vLLM)';

async function run(options: Options): Promise<void> {
  const { ranks, device, processes } = ranksOption(options);
  const chosen = modelOption(options);
  const request = requestOf(options, chosen, device, ranks);
  if (options.output !== undefined) checkOutput(options.output, '-o');
  checkFits(request.session, ranks);
  const [outcome] = await launch<ServeOutcome>(new URL('../../workload/serve/program.js', import.meta.url), {
    ranks,
    processes,
    data: request,
  });
  const result = resultOf(request, chosen, ranks, outcome!);
  give(result, describe(result), options);
  if (options.output !== undefined && !options.json)
    console.log(`\nwritten to ${options.output}; "crossover report" makes curves of it`);
}

function requestOf(
  options: Options,
  { config, checkpoint }: ChosenModel,
  engine: EngineName,
  ranks: number,
): ServeRequest {
  const rates = [...new Set(options.qps.split(',').map((rate) => parseAbove(rate, '--qps', 0)))];
  const seconds = parseAbove(options.duration, '--duration', 0);
  const most = Math.max(...rates);
  if (most * seconds > MOST_REQUESTS)
    throw new UsageError(
      `--qps ${most} for --duration ${seconds} are more than ${MOST_REQUESTS} requests; use a lower rate or a shorter time`,
    );
  const { prompt } = options;
  usage(() => fitLengths(parseLengths(prompt), config.places));
  const sequences = parseWhole(options.maxSequences, '--max-sequences', 1, 4096);
  const tokens = parseWhole(options.maxTokens, '--max-tokens', 1, 1 << 20);
  const { capBytes, variants } = cappedVariants(
    options.fusionCapMb,
    usage(() => parseVariants(options.variants ?? VARIANTS.join(','), '--variants')),
    options.variants !== undefined,
  );
  if (options.variants !== undefined) refuseVariants(variants, VARIANTS, { engine, ranks });
  const split = splitOption(config, ranks, options);
  if (split.attention === 'data')
    throw new UsageError('--attention is "data"; use tensor: in serving, ranks share all sequences');
  return {
    session: {
      config,
      checkpoint,
      engine,
      ...split,
      capacity: {
        // One more, to which belongs what fills up steps.
        sequences: sequences + 1,
        places: Math.min(config.places, placesOf(parseLengths(prompt).most)),
        pageSize: parseWhole(options.pageSize, '--page-size', 1, 1 << 16),
        tokens,
        samples: Math.min(sequences, tokens),
      },
      tunedTokens: tokens,
      plan: planOption(options.plan, engine),
    },
    rates,
    seconds,
    prompt,
    seed: parseWhole(options.seed, '--seed', 0, 2 ** 31 - 1),
    variants,
    capBytes,
    schedule: parseName(options.schedule, '--schedule', SCHEDULES),
    progress: process.stderr.isTTY === true,
  };
}

function resultOf(
  { session, prompt, seconds, seed, schedule, capBytes }: ServeRequest,
  chosen: ChosenModel,
  worldSize: number,
  outcome: ServeOutcome,
): ServeResult {
  return {
    ...recordOf('serve-bench', chosen, session, worldSize),
    prompt,
    seconds,
    seed,
    schedule,
    ...(capBytes > 0 && { fusionCapBytes: capBytes }),
    ...outcome,
  };
}

function describe(result: ServeResult): string {
  const { rows, seconds, prompt, most } = result;
  const head = headLines('serving', result, result, [
    `Poisson arrivals for ${seconds} s at each rate, ${prompt}: prompts to ${most.input} tokens, outputs to ${most.output}; no prefix is shared`,
  ]);
  const glance = `${bold('All rates')}, ms; * is the lowest median of a rate, of one run each`;
  return `${[...head, '', formatRates(rows), '', glance, formatGlance(rows)].join('\n')}\n`;
}
