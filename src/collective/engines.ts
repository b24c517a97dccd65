/**
 * @file The one place that knows which engines there are, and which one runs when nobody says.
 */
import { existsSync, readdirSync } from 'node:fs';
import { freemem, totalmem } from 'node:os';
import { cpuFingerprint, createCpuEngine } from '../engine/cpu/engine.ts';
import { MAX_HIDDEN, MAX_WORLD_SIZE, mostArenaBytes } from '../engine/cpu/layout.ts';
import { createCudaEngine } from '../engine/cuda/create.ts';
import { cudaFingerprint } from '../engine/cuda/fingerprint.ts';
import { type DeviceMemory, leastFreeMemory } from '../engine/cuda/inspect/free-memory.ts';
import { MAX_HIDDEN as CUDA_MAX_HIDDEN, HEAP, MAX_WORLD } from '../engine/cuda/layout.ts';
import { gpusFor, problemWithGpus, problemWithNccl, ranksPerGpu } from '../engine/cuda/sharing.ts';
import type { Engine } from '../engine/engine.ts';
import { CrossoverError } from '../errors.ts';
import { nccl } from '../ffi/nccl.ts';
import type { Group } from '../group/group.ts';
import { GRANULE } from '../memory/allocator.ts';
import type { Fingerprint } from '../plan/plan.ts';

/** Engines of this version. */
export const ENGINES = ['cpu', 'cuda'] as const;

export type EngineName = (typeof ENGINES)[number];

export interface EngineOptions {
  /**
   * - `cuda`: a GPU a rank
   * - `cpu`: threads
   * - by default: what $CROSSOVER_DEVICE says, else `cuda` where there is a GPU for every rank, else `cpu`
   */
  readonly engine?: EngineName | undefined;
  /** Bytes of the symmetric heap, a rank; 128 MiB by default. */
  readonly arenaBytes?: number | undefined;
}

/** Collective over the group. */
export function createEngine(group: Group, options: EngineOptions): Engine {
  // Rank 0 decides: what it sees must not differ from what the others see.
  const asked = options.engine ?? engineFromEnvironment();
  const engine = asked ?? group.broadcast(group.rank === 0 ? defaultEngine(group.localSize) : undefined)!;
  return parseEngine(engine) === 'cuda' ? createCudaEngine(group, options) : createCpuEngine(group, options);
}

/**
 * The engine for so many ranks of this host: the one that was asked for, or what $CROSSOVER_DEVICE says, or what fits.
 * @throws CrossoverError when a GPU engine was asked for and a rank would have no GPU
 */
export function engineFor(ranks: number, asked: EngineName | undefined): EngineName {
  const engine = asked ?? engineFromEnvironment() ?? defaultEngine(ranks);
  const problem = engine === 'cuda' ? problemWithGpus(ranks) : undefined;
  if (problem !== undefined) throw new CrossoverError(problem);
  return engine;
}

/** The engine that serves so many ranks here when nobody says. */
export function defaultEngine(ranks: number): EngineName {
  // Loading the driver takes long, and is in vain where there is none.
  if (ranks > MAX_WORLD || mostGpuRanks() < ranks) return 'cpu';
  try {
    return problemWithGpus(ranks) === undefined ? 'cuda' : 'cpu';
  } catch {
    return 'cpu';
  }
}

/** What $CROSSOVER_DEVICE says. */
export function engineFromEnvironment(): EngineName | undefined {
  const { CROSSOVER_DEVICE } = process.env;
  return CROSSOVER_DEVICE ? parseEngine(CROSSOVER_DEVICE, '$CROSSOVER_DEVICE') : undefined;
}

export function parseEngine(text: string, field = 'engine'): EngineName {
  if ((ENGINES as readonly string[]).includes(text)) return text as EngineName;
  throw new CrossoverError(`${field} "${text}" is unknown; this version has: ${ENGINES.join(', ')}`);
}

/** Ranks for which there are GPUs, as far as can be told without asking the driver. */
export function mostGpuRanks(): number {
  return visibleGpus() * ranksPerGpu();
}

/** GPUs by their device nodes, as far as CUDA_VISIBLE_DEVICES lets them be seen. */
function visibleGpus(): number {
  if (!existsSync('/dev/nvidiactl')) return 0;
  const nodes = readdirSync('/dev').filter((name) => /^nvidia\d+$/.test(name)).length;
  const { CUDA_VISIBLE_DEVICES } = process.env;
  if (CUDA_VISIBLE_DEVICES === undefined) return nodes;
  const named = CUDA_VISIBLE_DEVICES.split(',').map((name) => name.trim());
  // The driver stops at the first one that it does not know.
  const end = named.findIndex((name) => name === '' || name.startsWith('-'));
  return Math.min(nodes, end < 0 ? named.length : end);
}

/** Of a GPU, what is no tensor's: the context, kernels as they are loaded, recordings, NCCL's buffers and libraries' workspaces. */
const OVERHEAD_BYTES = 3 << 29;

/** Bytes that the symmetric heap may have on each of so many ranks. What a GPU has left is known only when it is asked. */
export function arenaLimits(
  engine: EngineName,
  ranks: number,
): { readonly least: number; readonly most: number } {
  return { least: GRANULE, most: engine === 'cpu' ? mostArenaBytes(ranks) : Number.POSITIVE_INFINITY };
}

/** Memory that each of so many ranks may have for tensors; the least, where ranks differ. Needs no ranks. */
export function memoryFor(engine: EngineName, ranks: number): DeviceMemory {
  if (engine === 'cuda') {
    const { total, free } = leastFreeMemory(gpusFor(ranks));
    return {
      total: Math.floor(total / ranksPerGpu()),
      free: Math.max(0, Math.floor(free / ranksPerGpu()) - HEAP - OVERHEAD_BYTES),
    };
  }
  const most = mostArenaBytes(ranks);
  return {
    total: Math.min(most, Math.floor(totalmem() / ranks)),
    free: Math.min(most, Math.floor(freemem() / ranks)),
  };
}

/** Why NCCL cannot be used with an engine, as far as that can be told without ranks; undefined when it can. */
export function ncclProblem(engine: EngineName): string | undefined {
  if (engine === 'cpu') return 'NCCL is for GPUs, and the CPU engine runs';
  try {
    nccl();
    return problemWithNccl();
  } catch (error) {
    if (error instanceof CrossoverError) return error.message;
    throw error;
  }
}

/** What identifies this host, the engine and its kernels in plans; needs no ranks. */
export function fingerprintHere(
  engine: EngineName = engineFromEnvironment() ?? defaultEngine(1),
): Fingerprint {
  return engine === 'cuda' ? cudaFingerprint() : cpuFingerprint();
}

/** The same of the engine that a plan was made with, or of the CPU engine where that one cannot run: for comparing. */
export function fingerprintLike(plan: Fingerprint): Fingerprint {
  try {
    return fingerprintHere(plan.engine);
  } catch {
    return cpuFingerprint();
  }
}

export interface Limits {
  readonly ranks: number;
  readonly hidden: number;
  /** Of a device's cache, at most: arenas for buffers that are rotated past it are sized before a device is opened. */
  readonly cacheBytes: number;
}

/** Bounds of the engines, for command lines to refuse early. */
export const LIMITS: Readonly<Record<EngineName, Limits>> = {
  cpu: { ranks: MAX_WORLD_SIZE, hidden: MAX_HIDDEN, cacheBytes: 8 << 20 },
  cuda: { ranks: MAX_WORLD, hidden: CUDA_MAX_HIDDEN, cacheBytes: 128 << 20 },
};
