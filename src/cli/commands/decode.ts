/**
 * @file `crossover decode`: what a choice of collectives is worth in tokens a second.
 */
import { Command } from 'commander';
import type { EngineName } from '../../collective/engines.ts';
import { CrossoverError } from '../../errors.ts';
import { launch } from '../../group/launch.ts';
import { brokenPromises, formatDecode, formatDispatch } from '../../report/decode-tables.ts';
import { formatBytes } from '../../units.ts';
import type { DecodeOutcome, DecodeRequest } from '../../workload/decode/request.ts';
import { canBeAlone, wayNames } from '../../workload/decode/ways.ts';
import { sequencesByRank } from '../../workload/layouts.ts';
import type { WayName } from '../../workload/runnable.ts';
import type { SessionRequest } from '../../workload/session/open.ts';
import { bytesRead } from '../../workload/weights/bytes-read.ts';
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
import { checkOutput, parseNames, parseWhole, parseWholes, UsageError } from '../options.ts';
import { addRankOptions, type RankOptions, ranksOption } from '../rank-options.ts';
import { cappedVariants, refuseVariants } from '../variant-options.ts';

interface Options extends ModelOptions, RankOptions {
  batch: string;
  steps: string;
  rounds: string;
  promptTokens: string;
  variants?: string;
  fusionCapMb?: string;
  pageSize: string;
  seed: string;
  json?: boolean;
  output?: string;
}

const HELP = `
Variants:
  unfused     the fastest all-reduce at every size, and a norm behind it
  fused       the fastest fused all-reduce + residual + RMSNorm at every size
  fused-cap   fused up to --fusion-cap-mb, as serving engines do it, and unfused above
  nccl        NCCL for everything, unfused
  plan        what was measured to be fastest at each size
With --attention data, where ranks have different numbers of tokens:
  padded, summed                  all as many as the most, or as many as each has
  padded-outside, summed-outside  the same on memory outside the symmetric heap
  plan                            padded or summed, by measurements of both sizes

Examples:
  $ crossover decode --model tiny --ranks 2
  $ crossover decode --model llama-3.1-8b --ranks 2 --batch 1,8,32,128 --steps 64
  $ crossover decode --model qwen3-30b-a3b --ranks 4 --fusion-cap-mb 2 --plan results/4xh200/plan-4-gpus.json
`;

/** Tokens of a step in which prompts are read. */
const PROMPT_STEP_TOKENS = 2048;
const FEWEST_ROUNDS = 6;

export function decodeCommand(): Command {
  return addRankOptions(
    addModelOptions(
      new Command('decode').description(
        'time decode steps of a model, with each way to dispatch its collectives',
      ),
    ),
  )
    .option('--batch <sizes>', 'sequences decoded at a time, comma-separated', '1,8,32,64,96,128')
    .option('--steps <n>', 'steps of a sample, one token a sequence each', '256')
    .option('--rounds <n>', `samples of every variant, ${FEWEST_ROUNDS} or more`, String(FEWEST_ROUNDS))
    .option('--prompt-tokens <n>', 'tokens of each prompt, before the first step', '128')
    .option('--variants <names>', 'comma-separated, of those below (all that can run here)')
    .option('--fusion-cap-mb <x>', 'largest message that fused-cap fuses, MiB')
    .option('--page-size <n>', 'places of a page of the cache', '64')
    .option('--seed <n>', 'of the prompts', '0')
    .option('--json', 'print data instead of text')
    .option('-o, --output <file>', 'write the data there, too')
    .addHelpText('after', HELP)
    .action(run);
}

async function run(options: Options): Promise<void> {
  const { ranks, device, processes } = ranksOption(options);
  const chosen = modelOption(options);
  const request = requestOf(options, chosen, device, ranks);
  if (options.output !== undefined) checkOutput(options.output, '-o');
  checkFits(request.session, ranks);
  const [outcome] = await launch<DecodeOutcome>(
    new URL('../../workload/decode/program.js', import.meta.url),
    {
      ranks,
      processes,
      data: request,
    },
  );
  give(resultOf(request, chosen, ranks, outcome!), describe(request, chosen, ranks, outcome!), options);
  const [broken] = brokenPromises(outcome!.rows);
  if (broken)
    throw new CrossoverError(
      `variant ${broken.variant} at batch ${broken.batch} gave other tokens than the rest, although its collectives sum in rank order`,
    );
}

function requestOf(
  options: Options,
  { config, checkpoint }: ChosenModel,
  engine: EngineName,
  ranks: number,
): DecodeRequest {
  const batches = [...new Set(parseWholes(options.batch, '--batch', 1, 4096))];
  const steps = parseWhole(options.steps, '--steps', 1, config.places);
  const promptTokens = parseWhole(options.promptTokens, '--prompt-tokens', 1, config.places);
  const places = promptTokens + steps + 1;
  if (places > config.places)
    throw new UsageError(
      `--prompt-tokens ${promptTokens} and --steps ${steps} take ${places} places; ${config.name} has ${config.places}`,
    );
  const split = splitOption(config, ranks, options);
  if (split.attention === 'data' && options.fusionCapMb !== undefined)
    throw new UsageError('--fusion-cap-mb goes with --attention tensor; with data, nothing is fused');
  const names = wayNames(split.attention ?? 'tensor');
  const asked: readonly WayName[] =
    options.variants === undefined ? names : parseNames(options.variants, '--variants', names);
  const { capBytes, variants } = cappedVariants(options.fusionCapMb, asked, options.variants !== undefined);
  if (options.variants !== undefined) refuseVariants(variants, names, { engine, ranks });
  const most = Math.max(...sequencesByRank(Math.max(...batches), ranks, split.attention ?? 'tensor'), 1);
  return {
    session: {
      config,
      checkpoint,
      engine,
      ...split,
      capacity: {
        // With data-parallel attention, one more for what fills steps up.
        sequences: split.attention === 'data' ? most + 1 : most,
        places,
        pageSize: parseWhole(options.pageSize, '--page-size', 1, 1 << 16),
        tokens: Math.max(most, promptTokens, Math.min(most * promptTokens, PROMPT_STEP_TOKENS)),
        samples: most,
      },
      tunedTokens: most,
      plan: planOption(options.plan, engine),
    },
    batches,
    variants,
    capBytes,
    promptTokens,
    steps,
    rounds: parseWhole(options.rounds, '--rounds', FEWEST_ROUNDS, 1000),
    seed: parseWhole(options.seed, '--seed', 0, 2 ** 31 - 1),
    progress: process.stderr.isTTY === true,
  };
}

function resultOf(
  request: DecodeRequest,
  chosen: ChosenModel,
  worldSize: number,
  outcome: DecodeOutcome,
): unknown {
  const { session, steps, rounds, promptTokens, seed, capBytes } = request;
  return {
    ...recordOf('decode', chosen, session, worldSize),
    steps,
    rounds,
    promptTokens,
    seed,
    ...(capBytes > 0 && { fusionCapBytes: capBytes }),
    ...outcome,
  };
}

function describe(
  { session, steps, promptTokens }: DecodeRequest,
  chosen: ChosenModel,
  worldSize: number,
  outcome: DecodeOutcome,
): string {
  const { weights, caches, working } = outcome.bytes;
  const head = headLines('decoding', recordOf('decode', chosen, session, worldSize), outcome, [
    `${session.checkpoint ?? 'random weights'}; prompts of ${promptTokens} tokens, ${steps} steps; a rank has ${formatBytes(weights)} of weights, ${formatBytes(caches)} of cache, ${formatBytes(working)} to work in`,
    ...readLines(session, worldSize, outcome),
    `collectives: ${canBeAlone(session) ? 'share of a step by which it is longer than one in which ranks do not meet' : 'what their measurements add up to, over a step'}; * fastest, or not told apart from it`,
  ]);
  return `${[...head, '', formatDecode(outcome), '', formatDispatch(outcome)].join('\n')}\n`;
}

/** How close steps come to reading their weights once, which is the least they can take. */
function readLines(
  session: SessionRequest,
  worldSize: number,
  { rows, bytesPerSecond }: DecodeOutcome,
): string[] {
  const first = rows.find(({ variant }) => variant === 'plan');
  if (bytesPerSecond === undefined || !first || session.attention === 'data') return [];
  const readUs = (1e6 * bytesRead(session.config, { ...session, worldSize }, first.batch)) / bytesPerSecond;
  return [
    `weights are read at ${(bytesPerSecond / 1e12).toFixed(2)} TB/s by the largest product: at batch ${first.batch} in ${readUs.toFixed(0)} us; with the plan a step takes ${(first.us.median / readUs).toFixed(2)} times that`,
  ];
}
