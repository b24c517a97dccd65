/**
 * @file The CUDA driver API: the functions that crossover calls, with the C prototype of each next to its TypeScript type.
 * Names are the documentation's; a suffix such as _v2 is part of the symbol, as cuda.h's macros add it.
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
import { textAt } from './memory.ts';

// Handles are pointers, and nothing but the brand keeps one from being passed for another.
type Handle<Name> = bigint & { readonly handle: Name };
export type CUdevice = number & { readonly handle: 'device' };
export type CUcontext = Handle<'context'>;
export type CUstream = Handle<'stream'>;
export type CUevent = Handle<'event'>;
export type CUmodule = Handle<'module'>;
export type CUfunction = Handle<'function'>;
export type CUgraph = Handle<'graph'>;
export type CUgraphExec = Handle<'graphExec'>;
export type CUmemory = Handle<'memory'>;
export type CUgreenContext = Handle<'greenContext'>;
export type CUresourceDesc = Handle<'resourceDesc'>;
/** A device pointer: below 2^47, and so exact as a number. */
export type CUdeviceptr = number;
export type CUresult = number;

type F<A extends unknown[]> = Prototype<(...args: A) => CUresult>;

const FUNCTIONS = {
  init: 'int cuInit(uint32_t flags)' as F<[flags: number]>,
  driverVersion: 'int cuDriverGetVersion(void *version)' as F<[version: Pointer]>,
  errorName: 'int cuGetErrorName(int error, void *name)' as F<[error: CUresult, name: Pointer]>,
  errorText: 'int cuGetErrorString(int error, void *text)' as F<[error: CUresult, text: Pointer]>,

  // ---- devices ----
  deviceCount: 'int cuDeviceGetCount(void *count)' as F<[count: Pointer]>,
  deviceGet: 'int cuDeviceGet(void *device, int ordinal)' as F<[device: Pointer, ordinal: number]>,
  deviceName: 'int cuDeviceGetName(void *name, int length, int device)' as F<
    [name: Pointer, length: number, device: CUdevice]
  >,
  deviceUuid: 'int cuDeviceGetUuid_v2(void *uuid, int device)' as F<[uuid: Pointer, device: CUdevice]>,
  devicePciBusId: 'int cuDeviceGetPCIBusId(void *text, int length, int device)' as F<
    [text: Pointer, length: number, device: CUdevice]
  >,
  deviceTotalMemory: 'int cuDeviceTotalMem_v2(void *bytes, int device)' as F<
    [bytes: Pointer, device: CUdevice]
  >,
  deviceAttribute: 'int cuDeviceGetAttribute(void *value, int attribute, int device)' as F<
    [value: Pointer, attribute: number, device: CUdevice]
  >,
  deviceCanAccessPeer: 'int cuDeviceCanAccessPeer(void *can, int device, int peer)' as F<
    [can: Pointer, device: CUdevice, peer: CUdevice]
  >,
  deviceP2pAttribute: 'int cuDeviceGetP2PAttribute(void *value, int attribute, int source, int target)' as F<
    [value: Pointer, attribute: number, source: CUdevice, target: CUdevice]
  >,

  // ---- contexts ----
  primaryContextRetain: 'int cuDevicePrimaryCtxRetain(void *context, int device)' as F<
    [context: Pointer, device: CUdevice]
  >,
  primaryContextRelease: 'int cuDevicePrimaryCtxRelease_v2(int device)' as F<[device: CUdevice]>,
  contextSetCurrent: 'int cuCtxSetCurrent(void *context)' as F<[context: CUcontext]>,
  contextSynchronize: 'int cuCtxSynchronize()' as F<[]>,
  contextEnablePeerAccess: 'int cuCtxEnablePeerAccess(void *peer, uint32_t flags)' as F<
    [peer: CUcontext, flags: number]
  >,

  // ---- streams and events ----
  streamCreate: 'int cuStreamCreate(void *stream, uint32_t flags)' as F<[stream: Pointer, flags: number]>,
  streamDestroy: 'int cuStreamDestroy_v2(void *stream)' as F<[stream: CUstream]>,
  streamQuery: 'int cuStreamQuery(void *stream)' as F<[stream: CUstream]>,
  streamSynchronize: 'int cuStreamSynchronize(void *stream)' as F<[stream: CUstream]>,
  streamWaitEvent: 'int cuStreamWaitEvent(void *stream, void *event, uint32_t flags)' as F<
    [stream: CUstream, event: CUevent, flags: number]
  >,
  streamBeginCapture: 'int cuStreamBeginCapture_v2(void *stream, int mode)' as F<
    [stream: CUstream, mode: number]
  >,
  streamEndCapture: 'int cuStreamEndCapture(void *stream, void *graph)' as F<
    [stream: CUstream, graph: Pointer]
  >,
  streamIsCapturing: 'int cuStreamIsCapturing(void *stream, void *status)' as F<
    [stream: CUstream, status: Pointer]
  >,
  eventCreate: 'int cuEventCreate(void *event, uint32_t flags)' as F<[event: Pointer, flags: number]>,
  eventDestroy: 'int cuEventDestroy_v2(void *event)' as F<[event: CUevent]>,
  eventRecord: 'int cuEventRecord(void *event, void *stream)' as F<[event: CUevent, stream: CUstream]>,
  eventQuery: 'int cuEventQuery(void *event)' as F<[event: CUevent]>,
  eventElapsedTime: 'int cuEventElapsedTime(void *milliseconds, void *start, void *end)' as F<
    [milliseconds: Pointer, start: CUevent, end: CUevent]
  >,

  // ---- graphs ----
  graphInstantiate: 'int cuGraphInstantiateWithFlags(void *exec, void *graph, uint64_t flags)' as F<
    [exec: Pointer, graph: CUgraph, flags: number]
  >,
  graphUpload: 'int cuGraphUpload(void *exec, void *stream)' as F<[exec: CUgraphExec, stream: CUstream]>,
  graphLaunch: 'int cuGraphLaunch(void *exec, void *stream)' as F<[exec: CUgraphExec, stream: CUstream]>,
  graphExecDestroy: 'int cuGraphExecDestroy(void *exec)' as F<[exec: CUgraphExec]>,
  graphDestroy: 'int cuGraphDestroy(void *graph)' as F<[graph: CUgraph]>,

  // ---- modules and launches ----
  moduleLoadData: 'int cuModuleLoadData(void *module, void *image)' as F<[module: Pointer, image: Pointer]>,
  moduleUnload: 'int cuModuleUnload(void *module)' as F<[module: CUmodule]>,
  moduleGetFunction: 'int cuModuleGetFunction(void *fn, void *module, const char *name)' as F<
    [fn: Pointer, module: CUmodule, name: string]
  >,
  functionSetAttribute: 'int cuFuncSetAttribute(void *fn, int attribute, int value)' as F<
    [fn: CUfunction, attribute: number, value: number]
  >,
  functionGetAttribute: 'int cuFuncGetAttribute(void *value, int attribute, void *fn)' as F<
    [value: Pointer, attribute: number, fn: CUfunction]
  >,
  launchKernelEx: 'int cuLaunchKernelEx(void *config, void *fn, void *params, void *extra)' as F<
    [config: Pointer, fn: CUfunction, params: Pointer, extra: null]
  >,

  // ---- memory ----
  memAlloc: 'int cuMemAlloc_v2(void *address, size_t bytes)' as F<[address: Pointer, bytes: number]>,
  memFree: 'int cuMemFree_v2(uint64_t address)' as F<[address: CUdeviceptr]>,
  /** Bytes that are free on the current context's device, and bytes that it has. */
  memGetInfo: 'int cuMemGetInfo_v2(void *free, void *total)' as F<[free: Pointer, total: Pointer]>,
  memHostAlloc: 'int cuMemHostAlloc(void *address, size_t bytes, uint32_t flags)' as F<
    [address: Pointer, bytes: number, flags: number]
  >,
  memHostFree: 'int cuMemFreeHost(void *address)' as F<[address: Pointer]>,
  memHostRegister: 'int cuMemHostRegister_v2(void *address, size_t bytes, uint32_t flags)' as F<
    [address: Pointer, bytes: number, flags: number]
  >,
  memHostUnregister: 'int cuMemHostUnregister(void *address)' as F<[address: Pointer]>,
  memHostDevicePointer: 'int cuMemHostGetDevicePointer_v2(void *address, void *host, uint32_t flags)' as F<
    [address: Pointer, host: Pointer, flags: number]
  >,
  memcpyDtoDAsync: 'int cuMemcpyDtoDAsync_v2(uint64_t to, uint64_t from, size_t bytes, void *stream)' as F<
    [to: CUdeviceptr, from: CUdeviceptr, bytes: number, stream: CUstream]
  >,
  memcpyPeerAsync:
    'int cuMemcpyPeerAsync(uint64_t to, void *toContext, uint64_t from, void *fromContext, size_t bytes, void *stream)' as F<
      [
        to: CUdeviceptr,
        toContext: CUcontext,
        from: CUdeviceptr,
        fromContext: CUcontext,
        bytes: number,
        stream: CUstream,
      ]
    >,
  memcpyDtoH: 'int cuMemcpyDtoH_v2(void *to, uint64_t from, size_t bytes)' as F<
    [to: Pointer, from: CUdeviceptr, bytes: number]
  >,
  memcpyHtoDAsync: 'int cuMemcpyHtoDAsync_v2(uint64_t to, void *from, size_t bytes, void *stream)' as F<
    [to: CUdeviceptr, from: Pointer, bytes: number, stream: CUstream]
  >,
  memcpyDtoHAsync: 'int cuMemcpyDtoHAsync_v2(void *to, uint64_t from, size_t bytes, void *stream)' as F<
    [to: Pointer, from: CUdeviceptr, bytes: number, stream: CUstream]
  >,
  memsetD8Async: 'int cuMemsetD8Async(uint64_t to, uint8_t value, size_t bytes, void *stream)' as F<
    [to: CUdeviceptr, value: number, bytes: number, stream: CUstream]
  >,
  memsetD32Async: 'int cuMemsetD32Async(uint64_t to, uint32_t value, size_t words, void *stream)' as F<
    [to: CUdeviceptr, value: number, words: number, stream: CUstream]
  >,

  pointerAttribute: 'int cuPointerGetAttribute(void *value, int attribute, uint64_t address)' as F<
    [value: Pointer, attribute: number, address: bigint | number]
  >,

  // ---- memory that is mapped on several devices ----
  memAllocationGranularity: 'int cuMemGetAllocationGranularity(void *bytes, void *prop, int option)' as F<
    [bytes: Pointer, prop: Pointer, option: number]
  >,
  memCreate: 'int cuMemCreate(void *memory, size_t bytes, void *prop, uint64_t flags)' as F<
    [memory: Pointer, bytes: number, prop: Pointer, flags: number]
  >,
  memRelease: 'int cuMemRelease(uint64_t memory)' as F<[memory: CUmemory]>,
  memAddressReserve:
    'int cuMemAddressReserve(void *address, size_t bytes, size_t alignment, uint64_t at, uint64_t flags)' as F<
      [address: Pointer, bytes: number, alignment: number, at: number, flags: number]
    >,
  memAddressFree: 'int cuMemAddressFree(uint64_t address, size_t bytes)' as F<
    [address: CUdeviceptr, bytes: number]
  >,
  memMap: 'int cuMemMap(uint64_t address, size_t bytes, size_t offset, uint64_t memory, uint64_t flags)' as F<
    [address: CUdeviceptr, bytes: number, offset: number, memory: CUmemory, flags: number]
  >,
  memUnmap: 'int cuMemUnmap(uint64_t address, size_t bytes)' as F<[address: CUdeviceptr, bytes: number]>,
  memSetAccess: 'int cuMemSetAccess(uint64_t address, size_t bytes, void *desc, size_t count)' as F<
    [address: CUdeviceptr, bytes: number, desc: Pointer, count: number]
  >,
  memExport: 'int cuMemExportToShareableHandle(void *handle, uint64_t memory, int type, uint64_t flags)' as F<
    [handle: Pointer, memory: CUmemory, type: number, flags: number]
  >,
  memImport: 'int cuMemImportFromShareableHandle(void *memory, void *handle, int type)' as F<
    [memory: Pointer, handle: Pointer, type: number]
  >,
};

/** Functions that drivers before CUDA 12.4 lack. */
const NEWER = {
  functionLoad: 'int cuFuncLoad(void *fn)' as F<[fn: CUfunction]>,
};

/** Parts of a GPU: of the same drivers. */
const PARTS = {
  deviceResource: 'int cuDeviceGetDevResource(int device, void *resource, int type)' as F<
    [device: CUdevice, resource: Pointer, type: number]
  >,
  splitMultiprocessors:
    'int cuDevSmResourceSplitByCount(void *parts, void *count, void *whole, void *rest, uint32_t flags, uint32_t fewest)' as F<
      [parts: Pointer, count: Pointer, whole: Pointer, rest: Pointer, flags: number, fewest: number]
    >,
  describeResource: 'int cuDevResourceGenerateDesc(void *desc, void *resources, uint32_t count)' as F<
    [desc: Pointer, resources: Pointer, count: number]
  >,
  greenContextCreate: 'int cuGreenCtxCreate(void *green, void *desc, int device, uint32_t flags)' as F<
    [green: Pointer, desc: CUresourceDesc, device: CUdevice, flags: number]
  >,
  greenContextDestroy: 'int cuGreenCtxDestroy(void *green)' as F<[green: CUgreenContext]>,
  contextOfGreen: 'int cuCtxFromGreenCtx(void *context, void *green)' as F<
    [context: Pointer, green: CUgreenContext]
  >,
  greenContextStream:
    'int cuGreenCtxStreamCreate(void *stream, void *green, uint32_t flags, int priority)' as F<
      [stream: Pointer, green: CUgreenContext, flags: number, priority: number]
    >,
};

export type Driver = Bound<typeof FUNCTIONS> & Found<typeof NEWER> & Found<typeof PARTS>;

export const CUDA_SUCCESS = 0;
export const CUDA_ERROR_OUT_OF_MEMORY = 2;
export const CUDA_ERROR_NOT_READY = 600;

let bound: Driver | undefined;

/** The driver, bound and initialized once a thread. @throws CrossoverError when there is none, or it cannot start */
export function driver(): Driver {
  if (bound) return bound;
  const library = openLibrary('cuda');
  const cuda: Driver = {
    ...bindAll(library, FUNCTIONS),
    ...findAll(library, NEWER),
    ...findAll(library, PARTS),
  };
  const result = cuda.init(0);
  if (result !== CUDA_SUCCESS) throw failure(cuda, result, 'cuInit');
  bound = cuda;
  return cuda;
}

/** Whether this driver can give a context a part of a GPU. */
export function driverHasParts(cuda: Driver): cuda is Driver & Bound<typeof PARTS> {
  return cuda.greenContextCreate !== undefined;
}

/** @throws CrossoverError "what: CUDA_ERROR_NAME (number): text" */
export function check(result: CUresult, what: string): void {
  if (result !== CUDA_SUCCESS) throw failure(driver(), result, what);
}

function failure(cuda: Driver, result: CUresult, what: string): CrossoverError {
  const text = new BigUint64Array(1);
  const name = cuda.errorName(result, text) === CUDA_SUCCESS ? textAt(text[0]!) : 'unknown error';
  const words = cuda.errorText(result, text) === CUDA_SUCCESS ? textAt(text[0]!) : 'no text';
  return new CrossoverError(`${what}: ${name} (${result}): ${words}`);
}

// Functions give results through pointers; one place for all of them, read before the next call.
const out64 = new BigUint64Array(1);
const out32 = new Int32Array(1);

/** Calls with room for a handle, and returns it. */
export function handleFrom<H extends bigint>(call: (out: Pointer) => CUresult, what: string): H {
  out64[0] = 0n;
  check(call(out64), what);
  return out64[0] as H;
}

/** Calls with room for a 64-bit number below 2^53, a size or a device pointer. */
export function numberFrom(call: (out: Pointer) => CUresult, what: string): number {
  return Number(handleFrom(call, what));
}

/** Calls with room for an int. */
export function intFrom(call: (out: Pointer) => CUresult, what: string): number {
  out32[0] = 0;
  check(call(out32), what);
  return out32[0];
}
