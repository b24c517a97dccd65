/**
 * @file The options of commands that launch ranks: how many, on which engine, as threads or processes.
 */
import type { Command } from 'commander';
import { arenaLimits, type EngineName, LIMITS } from '../collective/engines.ts';
import { rankCount } from '../group/wording.ts';
import { formatBytes } from '../units.ts';
import {
  DEVICE_FLAGS,
  DEVICE_HELP,
  defaultRanks,
  engineOption,
  MOST_RANKS,
  parseBytes,
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

/** Refuses a symmetric heap that the engine has no room for: the one that was asked for, or what the largest message needs. */
export function checkArena(
  { arena, end }: { readonly arena?: string; readonly end: string },
  needed: number,
  { ranks, device }: Pick<Ranks, 'ranks' | 'device'>,
): void {
  const { least, most } = arenaLimits(device, ranks);
  const room = `the ${device} engine has room for up to ${formatBytes(most)} on each of ${rankCount(ranks)}`;
  if (arena === undefined && needed > most)
    throw new UsageError(
      `-e is "${end}", for which buffers take ${formatBytes(needed)} of a rank, and ${room}; use a smaller one, or fewer ranks`,
    );
  if (arena === undefined) return;
  const bytes = parseBytes(arena, '--arena');
  if (bytes < least) throw new UsageError(`--arena is "${arena}"; use ${least} bytes or more`);
  if (bytes > most) throw new UsageError(`--arena is "${arena}", and ${room}; use less`);
}
