/**
 * @file The options of commands that launch ranks: how many, on which engine, as threads or processes.
 */
import type { Command } from 'commander';
import { type EngineName, LIMITS } from '../collective/engines.ts';
import {
  DEVICE_FLAGS,
  DEVICE_HELP,
  defaultRanks,
  engineOption,
  MOST_RANKS,
  parseWhole,
  UsageError,
} from './options.ts';

export interface RankOptions {
  ranks: string;
  device?: string;
  processes?: boolean;
}

/** Adds them to a command. */
export function addRankOptions(command: Command): Command {
  return command
    .option('--ranks <n>', 'world size', String(defaultRanks()))
    .option(DEVICE_FLAGS, DEVICE_HELP)
    .option('--processes', 'a process a rank instead of a thread (Linux; --device cuda)');
}

export interface Ranks {
  readonly ranks: number;
  readonly device: EngineName;
  readonly processes: boolean;
}

/** @throws UsageError for more ranks than the engine serves, and for processes on the one that serves threads only */
export function ranksOption({ ranks: text, device: asked, processes = false }: RankOptions): Ranks {
  const ranks = parseWhole(text, '--ranks', 1, MOST_RANKS);
  const device = engineOption(asked, ranks);
  parseWhole(text, '--ranks', 1, LIMITS[device].ranks);
  if (processes && device === 'cpu')
    throw new UsageError('--processes is for --device cuda; the CPU engine serves threads of one process');
  return { ranks, device, processes };
}
