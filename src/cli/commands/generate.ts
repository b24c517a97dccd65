/**
 * @file `crossover generate`: text from a Hugging Face checkpoint, on the executor that `decode` and `serve-bench` time.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import type { EngineName } from '../../collective/engines.ts';
import { CrossoverError } from '../../errors.ts';
import { launch } from '../../group/launch.ts';
import type { GenerateOutcome, GenerateRequest } from '../../workload/generate/program.ts';
import { PRESETS } from '../../workload/models/presets.ts';
import { TextTokenizer } from '../../workload/text/tokenizer.ts';
import { refuseIgnored } from '../ignored.ts';
import {
  addModelOptions,
  type ChosenModel,
  checkFits,
  type ModelOptions,
  modelOption,
  planOption,
  splitOption,
} from '../model-options.ts';
import { parseWhole, UsageError } from '../options.ts';
import { addRankOptions, type RankOptions, ranksOption } from '../rank-options.ts';

interface Options extends ModelOptions, RankOptions {
  tokens: string;
  temperature: string;
  topK: string;
  seed: string;
  json?: boolean;
}

const HELP = `
Examples:
  $ crossover generate --model ./Qwen3-0.6B "The capital of France is"
  $ crossover generate --model ./Llama-3.1-8B-Instruct --ranks 2 --temperature 0.7 --top-k 40 --tokens 200 "Write a poem about links."
`;

const PAGE_SIZE = 64;
/** Tokens of a prompt that are read at a time. */
const PROMPT_STEP_TOKENS = 2048;
const MOST_TOP_K = 64;
const MOST_TEMPERATURE = 1000;

export function generateCommand(): Command {
  return addRankOptions(
    addModelOptions(
      new Command('generate')
        .description(
          'text from a Hugging Face checkpoint (Llama, Qwen3, Qwen3-MoE, DeepSeek-V2), without a chat template',
        )
        .argument('<prompt>', 'the text to go on from'),
      { random: false, data: false },
    ),
  )
    .option('--tokens <n>', 'the most tokens to generate', '64')
    .option('--temperature <x>', '0 takes the likeliest token', '0')
    .option('--top-k <n>', `tokens to draw from, 1 to ${MOST_TOP_K}`, '50')
    .option('--seed <n>', 'of what is drawn', '0')
    .option('--json', 'print tokens, text and times as data at the end, instead of text as it comes')
    .addHelpText('after', HELP)
    .action(run);
}

async function run(prompt: string, options: Options, command: Command): Promise<void> {
  const { ranks, device, processes } = ranksOption(options);
  refuseNoCheckpoint(options.model);
  const request = requestOf(prompt, options, modelOption(options), device, ranks);
  if (request.temperature === 0)
    refuseIgnored(command, ['--top-k', '--seed'], '--temperature 0 takes the likeliest token');
  checkFits(request.session, ranks);
  const [outcome] = await launch<GenerateOutcome>(
    new URL('../../workload/generate/program.js', import.meta.url),
    { ranks, processes, data: request },
  );
  const { tokens, promptSeconds, decodeSeconds } = outcome!;
  if (options.json) {
    process.stdout.write(`${JSON.stringify(outcome, null, 2)}\n`);
    return;
  }
  process.stdout.write('\n');
  const rate = tokens.length > 1 ? `, ${((tokens.length - 1) / decodeSeconds).toFixed(1)} tokens/s` : '';
  console.error(
    `${request.prompt.length} tokens read in ${promptSeconds.toFixed(2)} s, ${tokens.length} generated${rate}`,
  );
}

/** A name may be that of a model with random weights, which has nothing to say. */
function refuseNoCheckpoint(model: string): void {
  if (existsSync(join(model, 'config.json'))) return;
  const why = PRESETS.some(({ name }) => name === model)
    ? 'whose weights are random'
    : 'where there is no config.json';
  throw new UsageError(
    `--model is "${model}", ${why}; use a folder with a checkpoint and its tokenizer.json`,
  );
}

function requestOf(
  text: string,
  options: Options,
  { config, checkpoint = options.model }: ChosenModel,
  engine: EngineName,
  ranks: number,
): GenerateRequest {
  const split = splitOption(config, ranks, options);
  if (split.attention === 'data')
    throw new UsageError('--attention is "data"; use tensor: there is one sequence');
  const prompt = new TextTokenizer(checkpoint).encode(text);
  if (prompt.length === 0) throw new UsageError('the prompt is empty; there is nothing to go on from');
  const odd = prompt.find((id) => !(Number.isInteger(id) && id >= 0 && id < config.vocabulary));
  if (odd !== undefined)
    throw new CrossoverError(
      `${checkpoint}: tokenizer.json gives token ${odd} for the prompt, and by config.json vocab_size is ${config.vocabulary}: they do not belong together`,
    );
  const tokens = parseWhole(options.tokens, '--tokens', 1, config.places);
  const places = prompt.length + tokens;
  if (places > config.places)
    throw new UsageError(
      `the prompt has ${prompt.length} tokens, and --tokens is ${tokens}; ${config.name} has room for ${config.places} together`,
    );
  const temperature = Number(options.temperature);
  if (!(temperature >= 0 && temperature < MOST_TEMPERATURE) || options.temperature.trim() === '')
    throw new UsageError(
      `--temperature is "${options.temperature}"; use a number from 0 to below ${MOST_TEMPERATURE}`,
    );
  const topK = parseWhole(options.topK, '--top-k', 1, MOST_TOP_K);
  return {
    session: {
      config,
      checkpoint,
      engine,
      ...split,
      capacity: {
        sequences: 1,
        places,
        pageSize: PAGE_SIZE,
        tokens: Math.min(prompt.length, PROMPT_STEP_TOKENS),
        samples: 1,
      },
      choices: temperature === 0 ? 1 : Math.min(topK, Math.floor(config.vocabulary / ranks)),
      tunedTokens: 0,
      plan: planOption(options.plan, engine),
    },
    prompt,
    tokens,
    temperature,
    seed: parseWhole(options.seed, '--seed', 0, 2 ** 31 - 1),
    stream: options.json !== true,
    progress: process.stderr.isTTY === true,
  };
}
