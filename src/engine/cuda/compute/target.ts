/**
 * @file What kernels of models are written against: a row for each, which turns operands into launches, and what launches go to.
 */
import type { ComputeName, ComputeOperands } from '../../compute.ts';
import type { Device } from '../device.ts';

/** A function of a source file under macro definitions, `WIDTH=128`. */
export interface ModelFunction {
  /** File in kernels/cuda/model/ that has it, as an `extern "C" __global__` function. */
  readonly source: string;
  readonly kernel: string;
  /** None by default. Part of what functions are found by: always in the same order. */
  readonly defines?: readonly string[];
}

/**
 * A launch of a function, which takes plain parameters: all addresses, then all integers (u32), then all floats (float). It waits for the kernel before by
 * wait_for_previous_kernel() in every thread that reads or writes, and reads nothing but weights before that.
 */
export interface ModelLaunch extends ModelFunction {
  /** Blocks in x, y and z; 1 where not given. */
  readonly grid: readonly [x: number, y?: number, z?: number];
  /** Threads of a block. */
  readonly block: number;
  /** Dynamic shared memory of a block, in bytes; 0 by default. */
  readonly sharedBytes?: number;
  /** Blocks of a cluster, in x (sm_90 and up); 1 by default. */
  readonly cluster?: number;
  readonly params: {
    readonly addresses: readonly number[];
    readonly integers?: readonly number[];
    readonly floats?: readonly number[];
  };
}

/** Where launches go: a rank's device and its stream. */
export interface ComputeTarget {
  readonly device: Device;
  readonly multiprocessors: number;
  /** 10 x major + minor. */
  readonly capability: number;
  /** Whether a recording is being made. What runs in one has run before it: everything is loaded. */
  readonly capturing: boolean;
  launch(launch: ModelLaunch): void;
  /** Notes something that was enqueued on the device's stream in another way: a recording without any is not replayed. */
  count(): void;
  /** Returns when all that was enqueued has ended, by polling. @throws CrossoverError when it does not end */
  wait(): void;
  /** Makes a call that may load kernels, and so wait for all that runs on the device. */
  loading<T>(load: () => T): T;
  /** Tells the user what costs time here, without ending anything. */
  warn(line: string): void;
  /** What `make` makes, once an engine; `close` of it is called with the engine's. */
  once<T extends { close?(): void }>(make: (target: ComputeTarget) => T): T;
}

/** How a kernel of COMPUTE runs here. Operands have been checked, see validate-compute.ts. */
export interface ComputeImplementation<N extends ComputeName> {
  run(operands: ComputeOperands<N>, target: ComputeTarget): void;
  scratchBytes?(operands: ComputeOperands<N>, target: ComputeTarget): number;
}

export type ComputeTable = { readonly [N in ComputeName]?: ComputeImplementation<N> };

/** Model sources, and the lists of macros that each is checked with (scripts/check-kernels.mjs). */
export type ModelSources = Readonly<Record<string, readonly (readonly string[])[]>>;
