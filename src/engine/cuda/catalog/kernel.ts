/**
 * @file What the engine must know of a kernel: its source, the macros it is specialised by, and how a launch of it is shaped.
 */
import { CrossoverError } from '../../../errors.ts';
import { QUANTIZATIONS, REDUCE_OPS } from '../../../operations.ts';
import { dtypeCode, REDUCIBLE_DTYPES } from '../../../tensor/dtype.ts';
import type { Launch } from '../../engine.ts';

/** What kernels can be specialised by. */
export type Axis = 'world' | 'dtype' | 'reduce' | 'quant';

/** The macro of an axis, and the values that kernels/cuda/ knows. */
export const AXES: Readonly<Record<Axis, { readonly macro: string; readonly values: readonly number[] }>> = {
  world: { macro: 'WORLD', values: [2, 3, 4, 5, 6, 7, 8] },
  dtype: { macro: 'DTYPE', values: REDUCIBLE_DTYPES.map(dtypeCode) },
  reduce: { macro: 'REDUCE', values: REDUCE_OPS.map((_, index) => index) },
  quant: { macro: 'QUANT', values: QUANTIZATIONS.map((_, index) => index) },
};

/** A value for every axis; a kernel takes those it is specialised by. */
export type Specialisation = Readonly<Record<Axis, number>>;

/** What shapes depend on besides the launch; the same on all ranks, so `multiprocessors` is the fewest that any has. */
export interface ShapeTarget {
  readonly multiprocessors: number;
  readonly worldSize: number;
  /** Whether blocks may form clusters (sm_90 and up). */
  readonly clusters?: boolean;
}

/** What a kernel is launched with. `grid` is a multiple of `cluster`. */
export interface GridShape {
  /** Blocks. */
  readonly grid: number;
  /** Threads of a block, a multiple of 32. */
  readonly block: number;
  /** Dynamic shared memory of a block, in bytes. */
  readonly sharedBytes: number;
  /** Blocks of a cluster (sm_90 and up); 1 by default. */
  readonly cluster?: number;
}

export interface Kernel {
  /** File in kernels/cuda/ that has it, as an `extern "C" __global__` function. */
  readonly source: string;
  readonly by: readonly Axis[];
  /** Compute capability (10 x major + minor) that it takes, where not all devices do. */
  readonly needs?: number;
  /** All ranks must get the same. */
  shape(launch: Launch, target: ShapeTarget): GridShape;
  /** For a kernel that no other rank is involved in: the one to run instead, or itself, where several do the same. */
  variant?(launch: Launch, target: ShapeTarget): string;
}

/** Macro definitions for a compiler, `WORLD=4`, in the order of the axes. Kernels of one file that take the same get the same cubin. */
export function definesOf(kernel: Kernel, values: Partial<Specialisation>): readonly string[] {
  return (Object.keys(AXES) as Axis[])
    .filter((axis) => kernel.by.includes(axis))
    .map((axis) => {
      const { macro, values: known } = AXES[axis];
      const value = values[axis];
      if (value !== undefined && known.includes(value)) return `${macro}=${value}`;
      throw new CrossoverError(`${axis} is ${value}; ${kernel.source} is compiled for ${known.join(', ')}`);
    });
}

/** Every specialisation of a kernel, of the values in `only` where an axis is named there. */
export function specialisations(
  kernel: Kernel,
  only: Partial<Record<Axis, readonly number[]>> = {},
): Partial<Specialisation>[] {
  let all: Partial<Specialisation>[] = [{}];
  for (const axis of kernel.by) {
    all = all.flatMap((rest) =>
      (only[axis] ?? AXES[axis].values).map((value) => ({ ...rest, [axis]: value })),
    );
  }
  return all;
}
