/**
 * @file What an algorithm is: a descriptor that says which operation it does, what it needs, what it may be tuned by, what it
 * promises about bits, and how it is enqueued. One file an algorithm; catalog.ts lists them; plans name them.
 */
import type { Engine, Launch } from '../engine/engine.ts';
import type { Operation, Quantization } from '../operations.ts';
import type { DType } from '../tensor/dtype.ts';

/** What an algorithm is asked to serve; everything that may make it refuse, or need other tunables. */
export interface Request {
  readonly operation: Operation;
  readonly dtype: DType;
  readonly worldSize: number;
  /**
   * Bytes of the message, as plans and nccl-tests count: of the whole tensor for all-reduce, broadcast and fused operations, of
   * the gathered output for all-gather, of the whole input for reduce-scatter.
   */
  readonly bytes: number;
  readonly hidden?: number | undefined;
  readonly quantization?: Quantization | undefined;
}

/** Values of what an algorithm may be tuned by. */
export type Tunables = Readonly<Record<string, number>>;

export const NO_TUNABLES: Tunables = Object.freeze({});

/**
 * How far the result's bits can be relied on.
 * - `rank-order`: summed in float32 in rank order 0..n-1 and rounded once: the same bits on all ranks, and the same as every other
 *   `rank-order` algorithm, so a plan may switch between them at any size without changing results.
 * - `rank-consistent`: the same bits on all ranks, but another order of summation.
 * - `unspecified`: no promise. Left out of plans made with `--deterministic`.
 */
export type Bits = 'rank-order' | 'rank-consistent' | 'unspecified';

export type Symmetric = 'input' | 'output' | 'both';

export interface Algorithm {
  readonly operation: Operation;
  /** As plans and the command line name it; unique within an operation. */
  readonly name: string;
  /** One sentence. */
  readonly summary: string;
  /** Where the algorithm comes from. */
  readonly source: string;
  readonly bits: Bits;
  /**
   * Set when results are further from the exact ones than one rounding of the sum. Nobody gets such an algorithm who did not ask for it: by its
   * name, or by a plan that was made with `--allow-quantized`.
   */
  readonly lossy?: true;
  /**
   * Operands that peers reach for where they lie. Those that lie outside the symmetric heap are then copied through it; for fused operations,
   * which may overwrite their input, that is the input only.
   */
  readonly symmetric?: Symmetric;
  /** Kernels that an engine must have. */
  readonly kernels: readonly string[];
  /** Why it cannot serve a request, or undefined when it can. Of sizes, all above a bound or all below one: plans are cut there by bisection (pieces.ts). */
  refuses?(request: Request, engine: Engine): string | undefined;
  /** The settings worth measuring for a request on an engine; the first is used when no plan says otherwise. */
  tunables(request: Request, engine: Engine): readonly Tunables[];
  /** Enqueues the launch, whose operands are filled in. May change `kernel` and `chunkBytes`; allocates nothing. */
  enqueue(engine: Engine, launch: Launch, tunables: Tunables): void;
}

/** An algorithm with values for its tunables. */
export interface Choice {
  readonly algorithm: Algorithm;
  readonly tunables: Tunables;
}

/** Why an algorithm cannot serve a request on an engine, or undefined when it can. */
export function refusal(algorithm: Algorithm, request: Request, engine: Engine): string | undefined {
  for (const kernel of algorithm.kernels) {
    const missing = engine.missing(kernel);
    if (missing) return missing;
  }
  return algorithm.refuses?.(request, engine);
}
