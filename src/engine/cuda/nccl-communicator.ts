/**
 * @file One communicator of NCCL, opened by all ranks together. Each step that can fail on one rank is voted on before the next, because NCCL
 * waits for ever for a rank that does not come; and what was opened on some ranks only is given up on all.
 */
import { CrossoverError } from '../../errors.ts';
import { CUDA_SUCCESS, type CUdeviceptr, check, driver } from '../../ffi/cuda.ts';
import {
  abortInBackground,
  checkNccl,
  type Nccl,
  type NcclComm,
  type NcclWindow,
  nccl,
} from '../../ffi/nccl.ts';
import {
  communicatorConfig,
  NCCL_SUCCESS,
  NCCL_UNIQUE_ID_BYTES,
  versionText,
  WINDOW_SYMMETRIC,
} from '../../ffi/nccl-types.ts';
import { type Group, SITE } from '../../group/group.ts';
import { symmetricRefusal, windowMayBeSham } from './nccl-hazards.ts';

/** This rank's memory block, as mapped on its own device. */
export interface MemoryBlock {
  readonly address: CUdeviceptr;
  readonly bytes: number;
}

export interface NcclCommunicator {
  readonly library: Nccl;
  readonly comm: NcclComm;
  /** The memory block as a symmetric window, where it was registered. */
  readonly window: NcclWindow | undefined;
}

/** What opening came to: the same kind on all ranks. */
export type Opened =
  | { readonly communicator: NcclCommunicator; readonly refused?: undefined }
  | { readonly refused: string };

/** Collective. With `block`, that memory is registered as a symmetric window. */
export function openCommunicator(group: Group, block?: MemoryBlock): Opened {
  const loaded = agree(group, () => loadFor(block));
  if (loaded.refused !== undefined) return loaded;
  const library = loaded.value;
  const versions = group.gather(library.version);
  const other = versions.findIndex((version) => version !== versions[0]);
  if (other >= 0) {
    const [first, second] = [versions[0]!, versions[other]!].map(versionText);
    return { refused: `rank 0 has NCCL ${first} and rank ${other} ${second}; all must load the same` };
  }
  const identified = agree(group, () => (group.rank === 0 ? uniqueId(library) : undefined));
  if (identified.refused !== undefined) return identified;
  const id = group.broadcast(identified.value)!;

  const made = agree(
    group,
    () => initialize(group, library, id),
    (comm) => library.commAbort(comm),
  );
  if (made.refused !== undefined) return made;
  const comm = made.value;
  if (!block) return { communicator: { library, comm, window: undefined } };

  const registered = agree(group, () => register(group, library, comm, block));
  if (registered.refused === undefined) return { communicator: { library, comm, window: registered.value } };
  // All ranks come here, so nobody waits in vain.
  library.commDestroy(comm);
  return registered;
}

/** Does something on every rank. When a rank cannot, all are refused with its reason, and `undo` gives up what others have done. */
function agree<T>(
  group: Group,
  body: () => T,
  undo?: (value: T) => void,
): { readonly value: T; readonly refused?: undefined } | { readonly refused: string } {
  let own: { value: T } | { error: string };
  try {
    own = { value: body() };
  } catch (error) {
    if (!(error instanceof CrossoverError)) throw error;
    own = { error: error.message };
  }
  const errors = group.gather('error' in own ? own.error : undefined);
  const rank = errors.findIndex((error) => error !== undefined);
  if ('value' in own) {
    if (rank < 0) return own;
    undo?.(own.value);
  }
  const where = errors.every((error) => error === errors[0]) ? '' : `on rank ${rank}: `;
  return { refused: `${where}${errors[rank]}` };
}

function loadFor(block: MemoryBlock | undefined): Nccl {
  const library = nccl();
  const refused = block && symmetricRefusal(library.version);
  if (refused) throw new CrossoverError(refused);
  return library;
}

function uniqueId(library: Nccl): Uint8Array {
  const id = new Uint8Array(NCCL_UNIQUE_ID_BYTES);
  checkNccl(library, library.getUniqueId(id), 'ncclGetUniqueId');
  return id;
}

function initialize(group: Group, library: Nccl, id: Uint8Array): NcclComm {
  const comm = new BigUint64Array(1);
  const config = communicatorConfig(library.version) ?? null;
  group.enter(SITE.nccl);
  const result = library.commInit(comm, group.size, group.rank, 1, id, config);
  group.leave();
  checkNccl(library, result, 'ncclCommInitRankScalable');
  return comm[0] as NcclComm;
}

function register(group: Group, library: Nccl, comm: NcclComm, block: MemoryBlock): NcclWindow {
  const { windowRegister, version } = library;
  if (!windowRegister) throw new CrossoverError(`${library.path} has no ncclCommWindowRegister`);
  // Zero, because some versions leave it as it is when they register nothing.
  const out = new BigUint64Array(1);
  group.enter(SITE.nccl);
  const result = windowRegister(comm, block.address, block.bytes, out, WINDOW_SYMMETRIC);
  group.leave();
  checkNccl(library, result, 'ncclCommWindowRegister', comm);
  const window = out[0] as NcclWindow;
  if (window === 0n || (windowMayBeSham(version) && !isWindow(window, group.rank, block.bytes))) {
    throw new CrossoverError(`NCCL ${versionText(version)} registers no symmetric window here: ${needs()}`);
  }
  return window;
}

// CUpointer_attribute and CUmemorytype.
const MEMORY_TYPE = 2;
const DEVICE_MEMORY = 2;
/** Of ncclWindow_vidmem: where peers' memory is mapped, and how far apart, in 4 GiB. */
const WINDOW = { lsaFlatBase: 8, lsaRank: 16, worldRank: 20, stride4G: 24, bytes: 32 } as const;

/** A real window is a struct in device memory that says where the block of each rank is mapped; a sham one is a pointer to host memory. */
function isWindow(window: NcclWindow, rank: number, bytes: number): boolean {
  const cuda = driver();
  const type = new Uint32Array(1);
  if (cuda.pointerAttribute(type, MEMORY_TYPE, window) !== CUDA_SUCCESS || type[0] !== DEVICE_MEMORY)
    return false;
  const struct = new DataView(new ArrayBuffer(WINDOW.bytes));
  check(cuda.memcpyDtoH(struct, Number(window), WINDOW.bytes), "reading NCCL's window");
  const base = struct.getBigUint64(WINDOW.lsaFlatBase, true);
  return (
    base !== 0n &&
    base % 4096n === 0n &&
    struct.getInt32(WINDOW.lsaRank, true) === rank &&
    struct.getInt32(WINDOW.worldRank, true) === rank &&
    struct.getUint32(WINDOW.stride4G, true) * 2 ** 32 >= bytes
  );
}

/** Variables that switch symmetric memory off at that value. */
const SWITCHES = { NCCL_CUMEM_ENABLE: '0', NCCL_WIN_ENABLE: '0', NCCL_P2P_DISABLE: '1' };

function needs(): string {
  const set = Object.entries(SWITCHES).filter(([name, value]) => process.env[name] === value);
  if (set.length > 0) return `${set.map(([name, value]) => `${name}=${value}`).join(', ')} is set`;
  return 'it needs P2P between all ranks, of one host, and memory of cuMemCreate that can be shared as a file descriptor';
}

/** Collective. Recordings that use the communicator must be closed before: NCCL waits for them. */
export function closeCommunicator({ library, comm, window }: NcclCommunicator): void {
  if (window !== undefined) library.windowDeregister?.(comm, window);
  library.commDestroy(comm);
}

/**
 * Ends what waits for peers in the communicator's kernels, and gives it up. In the background, because NCCL first tells the kernels and then
 * waits for recordings to be closed, which is done by who calls this.
 */
export function abortCommunicator({ library, comm }: NcclCommunicator): void {
  abortInBackground(library, comm);
}

/** What has gone wrong in the background, such as a peer that is gone; undefined while all is well. */
export function asyncFailure({ library, comm }: NcclCommunicator): string | undefined {
  const result = new Int32Array(1);
  const asked = library.commAsyncError(comm, result);
  const failed = asked === NCCL_SUCCESS ? result[0]! : asked;
  return failed === NCCL_SUCCESS ? undefined : (library.errorText(failed) ?? `NCCL error ${failed}`);
}
