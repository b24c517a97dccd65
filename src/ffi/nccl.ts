/**
 * @file NCCL: the functions that crossover calls, with the C prototype of each next to its TypeScript type. Enumerations and the
 * configuration of a communicator are in nccl-types.ts.
 *
 * NCCL reads its settings from the C environment, once, at first use. NCCL_NVLS_ENABLE is set to 0 there before the library is loaded,
 * whatever the user has set: NCCL must not create multicast objects.
 */
import { CrossoverError } from '../errors.ts';
import {
  type Bound,
  bindAll,
  type Found,
  findAll,
  openLibrary,
  type Pointer,
  type Prototype,
} from './library.ts';
import { NCCL_SUCCESS, type NcclResult } from './nccl-types.ts';

type Handle<Name> = bigint & { readonly handle: Name };
export type NcclComm = Handle<'ncclComm'>;
/** From 2.28 on a device pointer. */
export type NcclWindow = Handle<'ncclWindow'>;

type F<A extends unknown[]> = Prototype<(...args: A) => NcclResult>;
/** A CUstream. */
type Stream = bigint;

const FUNCTIONS = {
  getVersion: 'int ncclGetVersion(void *version)' as F<[version: Pointer]>,
  getUniqueId: 'int ncclGetUniqueId(void *id)' as F<[id: Pointer]>,
  errorText: 'const char *ncclGetErrorString(int result)' as Prototype<(result: NcclResult) => string | null>,

  // ---- communicators ----
  // ncclCommInitRank takes its 128-byte id by value; this one, of NCCL 2.23, takes pointers only.
  commInit:
    'int ncclCommInitRankScalable(void *comm, int ranks, int rank, int ids, void *id, void *config)' as F<
      [comm: Pointer, ranks: number, rank: number, ids: number, id: Pointer, config: Pointer]
    >,
  commDestroy: 'int ncclCommDestroy(void *comm)' as F<[comm: NcclComm]>,
  commAbort: 'int ncclCommAbort(void *comm)' as F<[comm: NcclComm]>,
  commAsyncError: 'int ncclCommGetAsyncError(void *comm, void *result)' as F<
    [comm: NcclComm, result: Pointer]
  >,
  lastError: 'const char *ncclGetLastError(void *comm)' as Prototype<
    (comm: NcclComm | null) => string | null
  >,

  // ---- collectives; counts are of elements ----
  allReduce:
    'int ncclAllReduce(void *send, void *receive, size_t count, int type, int op, void *comm, void *stream)' as F<
      [send: number, receive: number, count: number, type: number, op: number, comm: NcclComm, stream: Stream]
    >,
  allGather:
    'int ncclAllGather(void *send, void *receive, size_t count, int type, void *comm, void *stream)' as F<
      [send: number, receive: number, count: number, type: number, comm: NcclComm, stream: Stream]
    >,
  reduceScatter:
    'int ncclReduceScatter(void *send, void *receive, size_t count, int type, int op, void *comm, void *stream)' as F<
      [send: number, receive: number, count: number, type: number, op: number, comm: NcclComm, stream: Stream]
    >,
  broadcast:
    'int ncclBroadcast(void *send, void *receive, size_t count, int type, int root, void *comm, void *stream)' as F<
      [
        send: number,
        receive: number,
        count: number,
        type: number,
        root: number,
        comm: NcclComm,
        stream: Stream,
      ]
    >,
  reduce:
    'int ncclReduce(void *send, void *receive, size_t count, int type, int op, int root, void *comm, void *stream)' as F<
      [
        send: number,
        receive: number,
        count: number,
        type: number,
        op: number,
        root: number,
        comm: NcclComm,
        stream: Stream,
      ]
    >,
  groupStart: 'int ncclGroupStart()' as F<[]>,
  groupEnd: 'int ncclGroupEnd()' as F<[]>,
};

/** Functions of NCCL 2.27 and later. */
const NEWER = {
  windowRegister:
    'int ncclCommWindowRegister(void *comm, void *address, size_t bytes, void *window, int flags)' as F<
      [comm: NcclComm, address: number, bytes: number, window: Pointer, flags: number]
    >,
  windowDeregister: 'int ncclCommWindowDeregister(void *comm, void *window)' as F<
    [comm: NcclComm, window: NcclWindow]
  >,
};

export interface Nccl extends Bound<typeof FUNCTIONS>, Found<typeof NEWER> {
  /** What it was loaded by. */
  readonly path: string;
  /** 22809 for 2.28.9. */
  readonly version: number;
}

let bound: Nccl | undefined;

/** NCCL, bound once a thread. @throws CrossoverError when there is none, or it lacks a function */
export function nccl(): Nccl {
  if (bound) return bound;
  setEnvironment();
  const library = openLibrary('nccl');
  const functions = { ...bindAll(library, FUNCTIONS), ...findAll(library, NEWER) };
  const version = new Int32Array(1);
  const result = functions.getVersion(version);
  if (result !== NCCL_SUCCESS) throw new CrossoverError(`${library.path}: ncclGetVersion gives ${result}`);
  bound = { ...functions, path: library.path, version: version[0]! };
  return bound;
}

/** What NCCL must find in the environment; process.env of a worker thread is a copy that C does not see. */
function setEnvironment(): void {
  const set = openLibrary('c').bind<(name: string, value: string, overwrite: number) => number>(
    'int setenv(const char *name, const char *value, int overwrite)',
  );
  set('NCCL_NVLS_ENABLE', '0', 1);
  // Versions before 2.29 have no field for it in a communicator's configuration: graphs and single calls of a communicator never overlap here.
  set('NCCL_GRAPH_MIXING_SUPPORT', '0', 0);
}

/** Calls ncclCommAbort on a thread of its own, and does not wait for it. */
export function abortInBackground(library: Nccl, comm: NcclComm): void {
  const abort = library.commAbort as typeof library.commAbort & {
    async(comm: NcclComm, done: () => void): void;
  };
  abort.async(comm, () => {});
}

/** @throws CrossoverError "what: text (number): NCCL's own words" */
export function checkNccl(
  library: Nccl,
  result: NcclResult,
  what: string,
  comm: NcclComm | null = null,
): void {
  if (result === NCCL_SUCCESS) return;
  const text = library.errorText(result) ?? 'unknown error';
  const [words] = (library.lastError(comm) ?? '').split('\n').filter((line) => line.trim() !== '');
  throw new CrossoverError(`${what}: ${text} (${result})${words ? `: ${words.trim()}` : ''}`);
}
