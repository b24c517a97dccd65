/**
 * @file The one place that knows which engines there are.
 */
import { cpuFingerprint, createCpuEngine } from '../engine/cpu/engine.ts';
import { MAX_HIDDEN, MAX_WORLD_SIZE } from '../engine/cpu/layout.ts';
import type { Engine } from '../engine/engine.ts';
import { CrossoverError } from '../errors.ts';
import type { Group } from '../group/group.ts';
import type { Fingerprint } from '../plan/plan.ts';

/** Engines of this version. */
export const ENGINES = ['cpu'] as const;

export type EngineName = (typeof ENGINES)[number];

export interface EngineOptions {
  readonly engine?: EngineName | undefined;
  /** Bytes of the symmetric heap, a rank; 128 MiB by default. */
  readonly arenaBytes?: number | undefined;
}

/** Collective over the group. */
export function createEngine(group: Group, options: EngineOptions): Engine {
  const { engine = 'cpu' } = options;
  if (!(ENGINES as readonly string[]).includes(engine)) {
    throw new CrossoverError(`engine "${engine}" is unknown; this version has: ${ENGINES.join(', ')}`);
  }
  return createCpuEngine(group, options);
}

/** What identifies this host, the engine and its kernels in plans; needs no ranks. */
export function fingerprintHere(): Fingerprint {
  return cpuFingerprint();
}

/** Bounds of the engine, for command lines to refuse early. */
export const LIMITS: { readonly ranks: number; readonly hidden: number } = {
  ranks: MAX_WORLD_SIZE,
  hidden: MAX_HIDDEN,
};
