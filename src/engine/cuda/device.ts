/**
 * @file One GPU as this thread uses it: its primary context, made current here, one stream, and what is known of it.
 */
import {
  type CUcontext,
  CUDA_ERROR_NOT_READY,
  CUDA_SUCCESS,
  type CUdevice,
  type CUstream,
  check,
  type Driver,
  driver,
  handleFrom,
  intFrom,
} from '../../ffi/cuda.ts';
import { type OpenedPart, openPart, type Part } from './green-context.ts';
import { guarded } from './guarded.ts';

/** CUdevice_attribute. */
export const ATTRIBUTE = {
  multiprocessors: 16,
  cacheBytes: 38,
  major: 75,
  minor: 76,
  virtualMemory: 102,
  posixHandles: 103,
  rdmaWithVirtualMemory: 110,
} as const;
/** CUdevice_P2PAttribute: native atomics work over NVLink, and not over PCIe. */
const P2P_NATIVE_ATOMICS = 3;
const NON_BLOCKING = 1;

export interface Device {
  readonly cuda: Driver;
  readonly ordinal: number;
  readonly handle: CUdevice;
  readonly context: CUcontext;
  readonly stream: CUstream;
  readonly name: string;
  /** Compute capability, 10 x major + minor. */
  readonly capability: number;
  readonly multiprocessors: number;
  readonly cacheBytes: number;
  attribute(attribute: number): number;
  /** When nothing of this rank is under way on it any more. */
  close(): void;
}

/** GPUs that the driver shows to this process. @throws CrossoverError when there is no driver */
export function deviceCount(): number {
  const cuda = driver();
  return intFrom((out) => cuda.deviceCount(out), 'cuDeviceGetCount');
}

export function deviceOf(ordinal: number): CUdevice {
  return intFrom((out) => driver().deviceGet(out, ordinal), 'cuDeviceGet') as CUdevice;
}

/** Opens a GPU, or a part of it, for this thread. */
export function openDevice(ordinal: number, part?: Part): Device {
  const cuda = driver();
  const handle = deviceOf(ordinal);
  const attribute = (number: number): number =>
    intFrom((out) => cuda.deviceAttribute(out, number, handle), `cuDeviceGetAttribute ${number}`);
  const primary = handleFrom<CUcontext>(
    (out) => cuda.primaryContextRetain(out, handle),
    `cuDevicePrimaryCtxRetain of GPU ${ordinal}`,
  );
  check(cuda.contextSetCurrent(primary), 'cuCtxSetCurrent');
  const name = deviceName(cuda, handle);
  const capability = 10 * attribute(ATTRIBUTE.major) + attribute(ATTRIBUTE.minor);
  const cacheBytes = attribute(ATTRIBUTE.cacheBytes);
  const opened: OpenedPart = part
    ? openPart(handle, part)
    : {
        context: primary,
        multiprocessors: attribute(ATTRIBUTE.multiprocessors),
        createStream: cuda.streamCreate,
        close: () => {},
      };
  const stream = guarded(opened, () =>
    handleFrom<CUstream>((out) => opened.createStream(out, NON_BLOCKING), 'cuStreamCreate'),
  );
  const { context, multiprocessors } = opened;
  return {
    cuda,
    ordinal,
    handle,
    context,
    stream,
    name,
    capability,
    multiprocessors,
    cacheBytes,
    attribute,
    close: () => {
      cuda.streamDestroy(stream);
      opened.close();
    },
  };
}

export function deviceName(cuda: Driver, handle: CUdevice): string {
  const text = new Uint8Array(256);
  check(cuda.deviceName(text, text.length, handle), 'cuDeviceGetName');
  return Buffer.from(text.subarray(0, text.indexOf(0))).toString('utf8');
}

/** `13.0` */
export function driverVersion(): string {
  const cuda = driver();
  const number = intFrom((out) => cuda.driverVersion(out), 'cuDriverGetVersion');
  return `${Math.floor(number / 1000)}.${Math.floor((number % 1000) / 10)}`;
}

/** How the first `count` GPUs reach each other's memory: the worst link of all pairs counts. */
export type LinkKind = 'NVLink' | 'PCIe P2P' | 'no P2P' | 'none';

export interface Links {
  readonly kind: LinkKind;
  /** A pair that cannot reach each other, when there is one. */
  readonly broken: readonly [number, number] | undefined;
}

export function linksOf(count: number): Links {
  if (process.env.CROSSOVER_P2P === '0' && count > 1) return { kind: 'no P2P', broken: [0, 1] };
  const cuda = driver();
  const devices = Array.from({ length: count }, (_, ordinal) => deviceOf(ordinal));
  let kind: LinkKind = count > 1 ? 'NVLink' : 'none';
  for (const [a, from] of devices.entries()) {
    for (const [b, to] of devices.entries()) {
      if (a === b) continue;
      if (intFrom((out) => cuda.deviceCanAccessPeer(out, from, to), 'cuDeviceCanAccessPeer') === 0) {
        return { kind: 'no P2P', broken: [a, b] };
      }
      const atomics = intFrom(
        (out) => cuda.deviceP2pAttribute(out, P2P_NATIVE_ATOMICS, from, to),
        'cuDeviceGetP2PAttribute',
      );
      if (atomics === 0) kind = 'PCIe P2P';
    }
  }
  return { kind, broken: undefined };
}

/** Whether all of a stream's work has finished. Never blocks: a blocked thread cannot be ended. */
export function isIdle(device: Device): boolean {
  const result = device.cuda.streamQuery(device.stream);
  if (result === CUDA_SUCCESS) return true;
  if (result !== CUDA_ERROR_NOT_READY) check(result, `GPU ${device.ordinal}`);
  return false;
}
