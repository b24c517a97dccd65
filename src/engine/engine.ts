/**
 * @file What a device engine must offer. A rank holds one engine; cpu/ and cuda/ implement it and nothing else imports them.
 *
 * An engine runs *launches*: a kernel by name and its operands. A kernel may be local (RMSNorm) or involve all ranks
 * (one-shot all-reduce). Launches run in order. Between `beginCapture` and `endCapture` they are recorded, not run, and the
 * recording can be replayed: a CUDA graph on a GPU, a command list that is walked inside WebAssembly on the CPU.
 *
 * Addresses are plain numbers: offsets into the shared memory on the CPU, device pointers (below 2^47) on CUDA.
 */
import type { Group } from '../group/group.ts';
import type { Fingerprint } from '../plan/plan.ts';
import type { ComputeName, ComputeOperands, Product } from './compute.ts';

/** One region of memory a rank, of the same size on every rank: an offset into it means the same tensor everywhere. */
export interface Arena {
  /** Address of this rank's arena. */
  readonly base: number;
  readonly bytes: number;
}

/**
 * Operands of one kernel. A launch object is owned by the caller and may be reused as soon as `enqueue` returns.
 * Fields that a kernel does not read are ignored. Addresses are 0 when absent.
 */
export interface Launch {
  kernel: string;
  /** Code of the dtype (see `dtypeCode`) of the tensors that are reduced, moved or normalized. */
  dtype: number;
  /** Index into REDUCE_OPS. */
  reduceOp: number;
  /** Elements of `input`: of the whole message for all-reduce and broadcast, of the longest part for all-gather, of the whole input for reduce-scatter. */
  count: number;
  /** Elements of every rank's part of an all-gather or reduce-scatter; undefined when parts are equal. */
  parts: readonly number[] | undefined;
  /** Equal to `output` when all-gather or reduce-scatter is in place: a rank's part then lies behind the parts of lower ranks. */
  input: number;
  output: number;
  root: number;
  /** Rows and columns of operations on [tokens, hidden]. */
  tokens: number;
  hidden: number;
  residual: number;
  residualOut: number;
  weight: number;
  /** Added to every weight: 0, or 1 for models that store weight - 1 (Gemma). */
  weightBias: number;
  /** RMSNorm rounds to the dtype before it multiplies by the weight, and again after. */
  castBeforeWeight: boolean;
  epsilon: number;
  /** Index into QUANTIZATIONS. */
  quantization: number;
  quantOut: number;
  /** Per-token scales (float32) or NVFP4 block scales (f8e4m3). */
  scaleOut: number;
  /** The caller's scale: static FP8 scale, or NVFP4 global scale. */
  scale: number;
  /** Bytes that are staged at a time, for kernels that stage. */
  chunkBytes: number;
  /** Blocks of a GPU kernel at most, and threads of each; 0 where the kernel decides. */
  blocks: number;
  threads: number;
}

/** A recorded sequence of launches. */
export interface Recording {
  readonly launches: number;
  /** Runs the whole sequence `times` times (1 by default) and waits for it. */
  replay(times?: number): void;
  /** The same without waiting, where an engine runs by itself what was enqueued. */
  enqueue?(times: number): void;
  /** Frees what the recording holds; idempotent. */
  close(): void;
}

/** What algorithms and benchmarks need to know of a device. */
export interface DeviceTraits {
  /** Streaming multiprocessors of a GPU; 0 on the CPU. */
  readonly multiprocessors: number;
  /** Bytes of the cache that all of a device shares: buffers are rotated past it. */
  readonly cacheBytes: number;
  /** Bytes of one mailbox region a rank, for algorithms that send data as its own flag; 0 where there are none. */
  readonly mailboxBytes: number;
  /** Bytes of the staging region a rank. */
  readonly stageBytes: number;
  /** Whether every rank reaches every other at full rate at once (NVLink through a switch, shared memory), or over a shared bus. */
  readonly allToAll: boolean;
}

/** A clock of the device: it reads when the device comes to it, not when the host does. */
export interface Timer {
  start(): void;
  stop(): void;
  /** Between the last `start` and `stop`; waits for them. */
  microseconds(): number;
}

export interface Engine {
  readonly name: 'cpu' | 'cuda';
  readonly group: Group;
  readonly arena: Arena;
  readonly traits: DeviceTraits;
  /** Absent where the host's clock tells as much. */
  readonly timer?: Timer;
  /** Largest hidden size of operations on rows. */
  readonly maxHidden: number;
  /** Host, device, library versions and kernels: what a plan made here holds for. */
  fingerprint(): Fingerprint;
  /** Why a kernel is not available here, or undefined when it is. */
  missing(kernel: string): string | undefined;
  /** Runs a launch, or records it while capturing. Throws MismatchError when ranks disagree; nothing is written then. */
  enqueue(launch: Launch): void;
  /**
   * Runs a kernel of a model on this rank alone, or records it while capturing; in order with launches.
   * @throws CrossoverError for a kernel or a shape that this engine has not
   */
  compute<N extends ComputeName>(kernel: N, operands: ComputeOperands<N>): void;
  /** Bytes of `scratch` that a kernel wants for these operands, whose addresses do not count; 0 for kernels without. */
  scratchBytes<N extends ComputeName>(kernel: N, operands: ComputeOperands<N>): number;
  /**
   * Finds the fastest way to compute matrix products, by measuring; collective, so that ranks compute the same product in the same way. Without it the first guess is
   * taken. Absent where there is only one way.
   */
  tuneProducts?(products: readonly Product[]): void;
  /** Memory of this rank alone, outside the arena; freed with the engine. Absent where all memory is the arena. */
  allocate?(bytes: number): number;
  /** Bytes of device memory: all of it, and what is free. Absent where the arena is what there is. */
  memory?(): { readonly total: number; readonly free: number };
  beginCapture(): void;
  endCapture(): Recording;
  /** Drops what was recorded since `beginCapture`. */
  abortCapture(): void;
  /** Waits until everything enqueued has finished. */
  synchronize(): void;
  /**
   * Why bytes at an address, which something else allocated, cannot be operands here; undefined when they can. Absent where all memory is the
   * arena. An engine that has this has the kernel `copy` too, from `input` to `output`.
   */
  problemWithMemory?(address: number, bytes: number): string | undefined;
  /** Copies bytes out of, or into, this rank's memory at an address, behind everything that was enqueued. */
  read(address: number, bytes: number): Uint8Array;
  write(address: number, data: Uint8Array): void;
  close(): void;
}

/** A launch with every operand absent: what callers start from. */
export function emptyLaunch(): Launch {
  return {
    kernel: '',
    dtype: 0,
    reduceOp: 0,
    count: 0,
    parts: undefined,
    input: 0,
    output: 0,
    root: 0,
    tokens: 0,
    hidden: 0,
    residual: 0,
    residualOut: 0,
    weight: 0,
    weightBias: 0,
    castBeforeWeight: false,
    epsilon: 0,
    quantization: 0,
    quantOut: 0,
    scaleOut: 0,
    scale: 0,
    chunkBytes: 0,
    blocks: 0,
    threads: 0,
  };
}
