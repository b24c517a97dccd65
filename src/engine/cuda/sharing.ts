/**
 * @file Several ranks on one GPU, $CROSSOVER_RANKS_PER_GPU of them, for worlds of more ranks than there are GPUs. Ranks wait for each other in kernels that must run at the
 * same time, so each has multiprocessors of its own. Times are not those of a GPU a rank.
 */
import { CrossoverError } from '../../errors.ts';
import type { Group } from '../../group/group.ts';
import { deviceCount, deviceOf } from './device.ts';
import { divide, type Part } from './green-context.ts';
import { inDriver } from './in-driver.ts';
import { MAX_WORLD } from './layout.ts';

/** What $CROSSOVER_RANKS_PER_GPU says, 1 by default. */
export function ranksPerGpu(): number {
  const text = process.env.CROSSOVER_RANKS_PER_GPU;
  const ranks = text ? Number(text) : 1;
  if (Number.isInteger(ranks) && ranks >= 1 && ranks <= MAX_WORLD) return ranks;
  throw new CrossoverError(
    `$CROSSOVER_RANKS_PER_GPU is "${text}"; use a whole number from 1 to ${MAX_WORLD}`,
  );
}

/** GPUs that so many ranks of a host take up: rank r is on GPU floor(r / ranksPerGpu()). */
export function gpusFor(ranks: number): number {
  return Math.ceil(ranks / ranksPerGpu());
}

/** Why so many ranks of a host cannot all have a GPU, or their part of one. @throws CrossoverError when there is no driver */
export function problemWithGpus(ranks: number): string | undefined {
  const [needed, count] = [gpusFor(ranks), deviceCount()];
  if (count >= needed) return undefined;
  return `${ranks} ranks need ${needed} GPUs, and the driver shows ${count} to this process; use fewer ranks, or the CPU engine (--device cpu)`;
}

/** Why NCCL cannot serve ranks that share a GPU; undefined where each has its own. */
export function problemWithNccl(): string | undefined {
  return ranksPerGpu() > 1 ? 'NCCL takes one rank a GPU (CROSSOVER_RANKS_PER_GPU)' : undefined;
}

/** This rank's part of its GPU; undefined where it has all of it. Collective. */
export function partOf(group: Group): Part | undefined {
  const ranks = ranksPerGpu();
  if (ranks === 1) return undefined;
  if (group.kind !== 'threads') {
    throw new CrossoverError(
      `$CROSSOVER_RANKS_PER_GPU is ${ranks}, and ranks are ${group.kind}; only threads of one process can share a GPU`,
    );
  }
  const place = group.rank % ranks;
  const parts = group.gather(
    place === 0 ? inDriver(group, () => dividedOrWhy(group.rank / ranks, ranks)) : [],
  );
  const own = parts[group.rank - place]!;
  if (typeof own === 'string') throw new CrossoverError(own);
  return own[place]!;
}

function dividedOrWhy(ordinal: number, parts: number): Part[] | string {
  try {
    return divide(deviceOf(ordinal), parts);
  } catch (error) {
    if (error instanceof CrossoverError) return `GPU ${ordinal}: ${error.message}`;
    throw error;
  }
}
