/**
 * @file What to time: sizes, algorithms and a time budget. Plain data, so that it can travel to the ranks.
 */
import { type EngineName, LIMITS } from '../collective/engines.ts';
import { arenaFor, sizeFor } from '../measure/workload.ts';
import type { ReduceOp } from '../operations.ts';
import type { PlanKey } from '../plan/key.ts';
import { dtypeBytes } from '../tensor/dtype.ts';

export interface BenchRequest {
  /** Everything but the world size. */
  readonly key: Omit<PlanKey, 'worldSize'>;
  readonly op: ReduceOp;
  readonly sizes: readonly number[];
  /** Names of algorithms; all that can serve a size when absent. */
  readonly algorithms: readonly string[] | undefined;
  /** Names of algorithms to compare with: timed whatever `algorithms` says. */
  readonly peers: readonly string[];
  /** Time every setting of an algorithm, and keep the fastest; its first setting only by default. */
  readonly tuned: boolean;
  /** Time for measuring, seconds. */
  readonly seconds: number;
  readonly engine?: EngineName | undefined;
  readonly arenaBytes: number | undefined;
  readonly progress: boolean;
}

/** Those that the key can have, without repetition. */
export function sizesOf({ sizes }: BenchRequest, key: PlanKey): number[] {
  return [...new Set(sizes.map((bytes) => sizeFor(key, bytes)))];
}

/** Elements of a message as nccl-tests counts them: of a rank's part where ranks have parts, though sizes are those of the whole. */
export function countOf({ operation, dtype, worldSize }: PlanKey, bytes: number): number {
  const hasParts = operation === 'all_gather' || operation === 'reduce_scatter';
  return bytes / dtypeBytes(dtype) / (hasParts ? worldSize : 1);
}

/** Bytes of a rank's arena that the largest size needs. */
export function arenaOf(request: BenchRequest, worldSize: number): number {
  const key: PlanKey = { ...request.key, worldSize };
  const { cacheBytes } = LIMITS[request.engine ?? 'cuda'];
  return Math.max(...sizesOf(request, key).map((bytes) => arenaFor(key, bytes, cacheBytes))) + (4 << 20);
}
