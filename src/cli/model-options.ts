/**
 * @file The options of commands that run a model, and the refusal of one that does not fit, before anything is allocated.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Command, Option } from 'commander';
import { type EngineName, fingerprintHere, LIMITS, memoryFor, mostGpuRanks } from '../collective/engines.ts';
import { CrossoverError } from '../errors.ts';
import { defaultPlanPath, loadPlan } from '../plan/file.ts';
import type { Plan } from '../plan/plan.ts';
import { type ModelConfig, withLayers } from '../workload/models/config.ts';
import { readModelConfig } from '../workload/models/hugging-face.ts';
import { PRESETS, presetNamed } from '../workload/models/presets.ts';
import { type SplitOptions, splitOf } from '../workload/models/split.ts';
import { bytesFor, type SessionRequest } from '../workload/session/open.ts';
import { fitAdvice } from '../workload/weights/advice.ts';
import { parseName, parseWhole, UsageError, usage } from './options.ts';

export interface ModelOptions {
  model: string;
  layers?: string;
  attention: string;
  experts: string;
  precision: string;
  plan?: string;
}

/** What a command has besides, or has not: its help shows what it takes, and no more. */
export interface ModelKinds {
  /** Models with random weights; `tiny` where nobody says. A command without needs a checkpoint. */
  readonly random: boolean;
  /** Attention of ranks that have sequences of their own. */
  readonly data: boolean;
}

/** Adds them to a command. */
export function addModelOptions(
  command: Command,
  { random, data }: ModelKinds = { random: true, data: true },
): Command {
  const checkpoint = 'a folder with a Hugging Face checkpoint';
  const names = `${PRESETS.map(({ name }) => name).join(', ')} with random weights, or ${checkpoint}`;
  return command
    .addOption(
      random
        ? new Option('--model <name>', names).default('tiny')
        : new Option('--model <folder>', checkpoint).makeOptionMandatory(),
    )
    .option('--layers <n>', 'only the first layers of the model (all)')
    .option('--precision <name>', 'of projections: bf16, f8e4m3', 'bf16')
    .addOption(
      new Option(
        '--attention <name>',
        'tensor: heads split over ranks; data: every rank has sequences of its own',
      )
        .default('tensor')
        .hideHelp(!data),
    )
    .option('--experts <name>', 'tensor: a part of every expert a rank; expert: some experts whole', 'tensor')
    .option(
      '--plan <file>',
      'measurements to follow ($CROSSOVER_PLAN, or crossover-plan.json); a run measures first what they lack',
    );
}

export interface ChosenModel {
  readonly config: ModelConfig;
  /** Folder of a checkpoint; random weights without. */
  readonly checkpoint: string | undefined;
  /** For titles: with the number of layers where it was cut. */
  readonly title: string;
}

export function modelOption({ model, layers }: ModelOptions): ChosenModel {
  const isFolder = existsSync(join(model, 'config.json'));
  const whole = usage(() => (isFolder ? readModelConfig(model) : presetNamed(model)), { model: '--model' });
  const count = layers === undefined ? whole.layers : parseWhole(layers, '--layers', 1, whole.layers);
  const title = count === whole.layers ? whole.name : `${whole.name}, ${count} of ${whole.layers} layers`;
  return { config: withLayers(whole, count), checkpoint: isFolder ? model : undefined, title };
}

export function splitOption(
  config: ModelConfig,
  ranks: number,
  options: ModelOptions,
): Omit<SplitOptions, 'worldSize'> {
  const split = {
    attention: parseName(options.attention, '--attention', ['tensor', 'data']),
    experts: parseName(options.experts, '--experts', ['tensor', 'expert']),
    precision: parseName(options.precision, '--precision', ['bf16', 'f8e4m3']),
  } as const;
  if (split.experts === 'expert' && config.moe === undefined)
    throw new UsageError(`--experts is "expert", and ${config.name} has no experts; use tensor`);
  usage(() => splitOf(config, { ...split, worldSize: ranks }), { worldSize: '--ranks' });
  return split;
}

/** The plan that was named, or lies about and was made here; undefined without. */
export function planOption(path: string | undefined, engine: EngineName): Plan | undefined {
  const found = path ?? defaultPlanPath();
  if (path === undefined && !process.env.CROSSOVER_PLAN && !existsSync(found)) return undefined;
  try {
    return loadPlan(found, {
      fingerprint: fingerprintHere(engine),
      force: process.env.CROSSOVER_FORCE === '1',
    });
  } catch (error) {
    // These commands have no such option, only the variable.
    if (error instanceof CrossoverError) error.message = error.message.replace(' (option: force)', '');
    throw error;
  }
}

/** @throws CrossoverError that says what a model needs, what there is, and what would fit */
export function checkFits(request: SessionRequest, ranks: number): void {
  const { config, engine } = request;
  const advice = fitAdvice(config, {
    ...request,
    worldSize: ranks,
    available: (some) => memoryFor(engine, some).free,
    mostRanks: engine === 'cuda' ? Math.min(mostGpuRanks(), LIMITS.cuda.ranks) : LIMITS.cpu.ranks,
    needs: (cut, worldSize) => bytesFor({ ...request, config: cut }, worldSize),
  });
  if (advice !== undefined) throw new CrossoverError(advice);
}
