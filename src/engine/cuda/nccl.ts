/**
 * @file Collectives that NCCL does, behind kernel names like any other's: `nccl_*` on an ordinary communicator, and `nccl_symmetric_*` on a
 * second one, where the rank's memory block, and so the symmetric heap, is registered as a symmetric window: registered or not is a property of
 * the memory and not of a call, hence the two.
 *
 * A communicator is opened when a kernel of its kind is first asked for, by `missing` or `enqueue`: by all ranks together, as all collectives are.
 */
import { CrossoverError } from '../../errors.ts';
import type { CUstream } from '../../ffi/cuda.ts';
import { checkNccl, type Nccl, type NcclComm } from '../../ffi/nccl.ts';
import { NCCL_OPS, NCCL_SUCCESS, NCCL_TYPES, type NcclResult } from '../../ffi/nccl-types.ts';
import type { Group } from '../../group/group.ts';
import { DTYPES, dtypeBytes } from '../../tensor/dtype.ts';
import type { Launch } from '../engine.ts';
import {
  abortCommunicator,
  asyncFailure,
  closeCommunicator,
  type MemoryBlock,
  type NcclCommunicator,
  type Opened,
  openCommunicator,
} from './nccl-communicator.ts';
import { needsFence } from './nccl-hazards.ts';
import { problemWithNccl } from './sharing.ts';

/** Kernels that are not ours. */
export interface Outside {
  /** Why a kernel is not available, or undefined when it is. Collective the first time that a kernel of its kind is asked for. */
  missing(kernel: string): string | undefined;
  /** Enqueues on the stream, which may be capturing. */
  enqueue(launch: Launch, stream: CUstream): void;
  /** What has gone wrong in the background, in words; for the message of a wait that was given up. */
  failure(): string | undefined;
  /** Ends kernels that wait for peers that do not come, soon after it returns. Nothing is available afterwards. */
  abort(): void;
  /**
   * Collective, when all recordings are closed and the stream is idle. A rank that cannot count on its peers must not call it: NCCL
   * waits for those of the same host. Without it, the end of the process frees everything.
   */
  close(): void;
}

/** What of NCCL an engine needs from the group's surroundings. */
export interface NcclSetting {
  readonly group: Group;
  /** This rank's memory block: of cuMemCreate, shareable as a file descriptor. */
  readonly block: MemoryBlock;
  /** Enqueues the kernel `noop` without programmatic launch. */
  readonly fence: () => void;
}

type Run = (library: Nccl, comm: NcclComm, launch: Launch, group: Group, stream: CUstream) => NcclResult;

const ELEMENT_BYTES = DTYPES.map(dtypeBytes);

const allReduce: Run = (library, comm, { input, output, count, dtype, reduceOp }, _group, stream) =>
  library.allReduce(input, output, count, NCCL_TYPES[dtype]!, NCCL_OPS[reduceOp]!, comm, stream);

const allGather: Run = (library, comm, launch, { rank }, stream) => {
  const { input, output, count, dtype, parts } = launch;
  const bytes = ELEMENT_BYTES[dtype]!;
  const type = NCCL_TYPES[dtype]!;
  const own = input === output ? output + before(parts, count, rank) * bytes : input;
  if (!parts) return library.allGather(own, output, count, type, comm, stream);
  return inGroup(library, parts, (part, root) => {
    const at = output + before(parts, 0, root) * bytes;
    return library.broadcast(root === rank ? own : at, at, part, type, root, comm, stream);
  });
};

const reduceScatter: Run = (library, comm, launch, { rank, size }, stream) => {
  const { input, output, count, dtype, reduceOp, parts } = launch;
  const bytes = ELEMENT_BYTES[dtype]!;
  const type = NCCL_TYPES[dtype]!;
  const op = NCCL_OPS[reduceOp]!;
  const own = input === output ? input + before(parts, count / size, rank) * bytes : output;
  if (!parts) return library.reduceScatter(input, own, count / size, type, op, comm, stream);
  return inGroup(library, parts, (part, root) => {
    const at = input + before(parts, 0, root) * bytes;
    return library.reduce(at, root === rank ? own : at, part, type, op, root, comm, stream);
  });
};

/** Elements before a rank's part: of unequal parts, or of equal ones of `count` elements. */
function before(parts: readonly number[] | undefined, count: number, rank: number): number {
  if (!parts) return rank * count;
  let sum = 0;
  for (let r = 0; r < rank; r++) sum += parts[r]!;
  return sum;
}

/** NCCL knows equal parts only: unequal ones are an operation a part, of its ordinary kernels, all in one launch. */
function inGroup(
  library: Nccl,
  parts: readonly number[],
  one: (count: number, root: number) => NcclResult,
): NcclResult {
  const started = library.groupStart();
  if (started !== NCCL_SUCCESS) return started;
  let failed = NCCL_SUCCESS;
  for (let root = 0; root < parts.length && failed === NCCL_SUCCESS; root++) {
    if (parts[root]! > 0) failed = one(parts[root]!, root);
  }
  // A group that was begun has to be ended.
  const ended = library.groupEnd();
  return failed === NCCL_SUCCESS ? ended : failed;
}

const broadcast: Run = (library, comm, { input, output, count, dtype, root }, _group, stream) =>
  library.broadcast(input, output, count, NCCL_TYPES[dtype]!, root, comm, stream);

interface Kernel {
  readonly symmetric: boolean;
  readonly run: Run;
}

const KERNELS: ReadonlyMap<string, Kernel> = new Map([
  ['nccl_all_reduce', { symmetric: false, run: allReduce }],
  ['nccl_all_gather', { symmetric: false, run: allGather }],
  ['nccl_reduce_scatter', { symmetric: false, run: reduceScatter }],
  ['nccl_broadcast', { symmetric: false, run: broadcast }],
  ['nccl_symmetric_all_reduce', { symmetric: true, run: allReduce }],
  ['nccl_symmetric_all_gather', { symmetric: true, run: allGather }],
  ['nccl_symmetric_reduce_scatter', { symmetric: true, run: reduceScatter }],
]);

/** Loads nothing yet. */
export function createNccl(setting: NcclSetting): Outside {
  return new NcclOutside(setting);
}

/** What is known without NCCL. */
function refusedFor(group: Group, symmetric: boolean): string | undefined {
  if (group.size === 1) return 'a group of one rank has no peers';
  if (symmetric && group.kind === 'hosts') return 'symmetric windows of NCCL need all ranks on one host';
  return problemWithNccl();
}

class NcclOutside implements Outside {
  readonly #setting: NcclSetting;
  #ordinary: Opened | undefined;
  #symmetric: Opened | undefined;

  constructor(setting: NcclSetting) {
    this.#setting = setting;
  }

  missing(kernel: string): string | undefined {
    const known = KERNELS.get(kernel);
    return known ? this.#open(known.symmetric).refused : `NCCL has no ${kernel}`;
  }

  enqueue(launch: Launch, stream: CUstream): void {
    const { kernel } = launch;
    const known = KERNELS.get(kernel);
    if (!known) throw new CrossoverError(`NCCL has no ${kernel}`);
    const opened = this.#open(known.symmetric);
    if (opened.refused !== undefined) throw new CrossoverError(`${kernel} cannot run: ${opened.refused}`);
    if (launch.count === 0) return;
    const { library, comm } = opened.communicator;
    if (known.symmetric && needsFence(library.version)) this.#setting.fence();
    const result = known.run(library, comm, launch, this.#setting.group, stream);
    if (result !== NCCL_SUCCESS) checkNccl(library, result, kernel, comm);
  }

  failure(): string | undefined {
    for (const communicator of this.#communicators()) {
      const failure = asyncFailure(communicator);
      if (failure !== undefined) return `NCCL: ${failure}`;
    }
    return undefined;
  }

  abort(): void {
    this.#end(abortCommunicator, 'NCCL was aborted after a failure');
  }

  close(): void {
    this.#end(closeCommunicator, 'NCCL was closed');
  }

  #open(symmetric: boolean): Opened {
    const known = symmetric ? this.#symmetric : this.#ordinary;
    if (known) return known;
    const { group, block } = this.#setting;
    const refused = refusedFor(group, symmetric);
    const opened =
      refused === undefined ? openCommunicator(group, symmetric ? block : undefined) : { refused };
    if (symmetric) this.#symmetric = opened;
    else this.#ordinary = opened;
    return opened;
  }

  #end(how: (communicator: NcclCommunicator) => void, why: string): void {
    const open = this.#communicators();
    this.#ordinary = { refused: why };
    this.#symmetric = { refused: why };
    for (const communicator of open) how(communicator);
  }

  #communicators(): NcclCommunicator[] {
    return [this.#ordinary, this.#symmetric].flatMap((opened) =>
      opened && opened.refused === undefined ? [opened.communicator] : [],
    );
  }
}
