/**
 * @file What to tune: keys, sizes and a time budget. Plain data, so that it can travel to the ranks.
 */
import { type EngineName, LIMITS } from '../collective/engines.ts';
import { arenaFor, sizeFor } from '../measure/workload.ts';
import type { Mode, Operation, Quantization } from '../operations.ts';
import type { PlanKey } from '../plan/key.ts';
import type { ReducibleDType } from '../tensor/dtype.ts';

export interface TuneRequest {
  readonly operations: readonly Operation[];
  readonly dtypes: readonly ReducibleDType[];
  readonly modes: readonly Mode[];
  /** Hidden sizes and outputs of fused operations. */
  readonly hidden: readonly number[];
  readonly quantizations: readonly Quantization[];
  /** Sizes of the sweep, bytes: from `minBytes` to `maxBytes`, each `factor` times the one before. */
  readonly minBytes: number;
  readonly maxBytes: number;
  readonly factor: number;
  /** Time for all measurements, seconds. Sizes take turns until it is spent or everything is known precisely. */
  readonly seconds: number;
  /** Leave out algorithms that do not sum in rank order, so that results never depend on the plan. */
  readonly deterministic: boolean;
  readonly engine?: EngineName | undefined;
  /** Include algorithms that round values on the way, such as the quantized all-reduce. */
  readonly allowLossy?: boolean | undefined;
  /** Bytes of a rank's arena; enough for the largest size when absent. */
  readonly arenaBytes?: number | undefined;
  /** For the sizes at which regret is measured. */
  readonly seed: number;
  /** Show a progress line on stderr. */
  readonly progress: boolean;
}

/** All keys of a request for a world size, in the order of tuning. */
export function keysOf(request: TuneRequest, worldSize: number): PlanKey[] {
  return request.operations.flatMap((operation) =>
    request.dtypes.flatMap((dtype) => {
      const shapes =
        operation === 'all_reduce_rms_norm'
          ? request.hidden.flatMap((hidden) =>
              request.quantizations
                .filter((quantization) => quantization !== 'nvfp4' || hidden % 16 === 0)
                .map((quantization) => ({ hidden, quantization })),
            )
          : [{}];
      return shapes.flatMap((shape) =>
        request.modes.map(
          (mode): PlanKey => ({ operation, dtype, worldSize, mode, ...shape, registered: true }),
        ),
      );
    }),
  );
}

/** The sweep's sizes that a key can have, ascending, without repetition. */
export function sizesOf(request: TuneRequest, key: PlanKey): number[] {
  const sizes = new Set<number>();
  for (let bytes = request.minBytes; bytes <= request.maxBytes * 1.0001; bytes *= request.factor) {
    const size = sizeFor(key, bytes);
    // A row may be much larger than the smallest sizes: they would all become one token.
    if (size <= bytes * Math.sqrt(request.factor)) sizes.add(size);
  }
  if (sizes.size === 0) sizes.add(sizeFor(key, request.maxBytes));
  return [...sizes];
}

/** Bytes of a rank's arena that the largest sizes of all keys need. */
export function arenaOf(request: TuneRequest, worldSize: number): number {
  const { cacheBytes } = LIMITS[request.engine ?? 'cuda'];
  const needed = keysOf(request, worldSize).map((key) =>
    arenaFor(key, Math.max(...sizesOf(request, key)), cacheBytes),
  );
  return Math.max(...needed) + (4 << 20);
}
