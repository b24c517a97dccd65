/**
 * @file What the driver says of each GPU and each pair, without making a context: nothing here takes memory on a device.
 */
import { type CUdevice, type Driver, driver, intFrom, numberFrom } from '../../../ffi/cuda.ts';

/** One GPU, as the driver numbers them for this process (CUDA_VISIBLE_DEVICES applied). */
export interface DeviceFacts {
  readonly index: number;
  readonly name: string;
  readonly uuid: string;
  readonly pciBusId: string;
  /** `sm_90`. */
  readonly architecture: string;
  readonly multiprocessors: number;
  readonly memoryBytes: number;
  readonly l2Bytes: number;
  /** Memory can be mapped on several devices by cuMemCreate and cuMemSetAccess: what the symmetric heap is made of. */
  readonly virtualMemory: boolean;
  /** Such memory can be passed to another process as a file descriptor. */
  readonly posixHandles: boolean;
  /** Such memory can be passed to another host of an NVLink domain. */
  readonly fabricHandles: boolean;
  /** NVLink multicast: reported, never used here. */
  readonly multicast: boolean;
  readonly ecc: boolean;
}

/** What the driver claims for a device that accesses a peer's memory. */
export interface PairFacts {
  readonly access: boolean;
  readonly nativeAtomics: boolean;
  /** The driver's own ranking of the link, 0 the fastest. */
  readonly performanceRank: number;
}

export interface DevicesReport {
  /** Newest CUDA version that the driver supports: 13000 for 13.0. */
  readonly driverVersion: number;
  readonly devices: readonly DeviceFacts[];
  /** [device][peer]; the diagonal is null. */
  readonly pairs: readonly (readonly (PairFacts | null)[])[];
}

// CUdevice_attribute
const MULTIPROCESSORS = 16;
const ECC_ENABLED = 32;
const L2_BYTES = 38;
const CAPABILITY_MAJOR = 75;
const CAPABILITY_MINOR = 76;
const VIRTUAL_MEMORY = 102;
const POSIX_HANDLES = 103;
const FABRIC_HANDLES = 128;
const MULTICAST = 132;

// CUdevice_P2PAttribute
const PERFORMANCE_RANK = 1;
const ACCESS_SUPPORTED = 2;
const NATIVE_ATOMIC = 3;

/** @throws CrossoverError when there is no driver, or it fails */
export function inspectDevices(): DevicesReport {
  const cuda = driver();
  const count = intFrom((out) => cuda.deviceCount(out), 'cuDeviceGetCount');
  const handles = Array.from(
    { length: count },
    (_, i) => intFrom((out) => cuda.deviceGet(out, i), 'cuDeviceGet') as CUdevice,
  );
  return {
    driverVersion: intFrom((out) => cuda.driverVersion(out), 'cuDriverGetVersion'),
    devices: handles.map((device, index) => inspectDevice(cuda, device, index)),
    pairs: handles.map((device) =>
      handles.map((peer) => (peer === device ? null : inspectPair(cuda, device, peer))),
    ),
  };
}

function inspectDevice(cuda: Driver, device: CUdevice, index: number): DeviceFacts {
  // An attribute that an older driver does not know is an error there, and a capability that it does not have.
  const attribute = (id: number): number => {
    const value = new Int32Array(1);
    return cuda.deviceAttribute(value, id, device) === 0 ? value[0]! : 0;
  };
  const text = new Uint8Array(256);
  cuda.deviceName(text, text.length, device);
  const name = zeroTerminated(text);
  cuda.devicePciBusId(text.fill(0), text.length, device);
  const uuid = new Uint8Array(16);
  cuda.deviceUuid(uuid, device);
  return {
    index,
    name,
    uuid: formatUuid(uuid),
    pciBusId: zeroTerminated(text).toLowerCase(),
    architecture: `sm_${attribute(CAPABILITY_MAJOR)}${attribute(CAPABILITY_MINOR)}`,
    multiprocessors: attribute(MULTIPROCESSORS),
    memoryBytes: numberFrom((out) => cuda.deviceTotalMemory(out, device), 'cuDeviceTotalMem'),
    l2Bytes: attribute(L2_BYTES),
    virtualMemory: attribute(VIRTUAL_MEMORY) !== 0,
    posixHandles: attribute(POSIX_HANDLES) !== 0,
    fabricHandles: attribute(FABRIC_HANDLES) !== 0,
    multicast: attribute(MULTICAST) !== 0,
    ecc: attribute(ECC_ENABLED) !== 0,
  };
}

function inspectPair(cuda: Driver, device: CUdevice, peer: CUdevice): PairFacts {
  const attribute = (id: number): number => {
    const value = new Int32Array(1);
    return cuda.deviceP2pAttribute(value, id, device, peer) === 0 ? value[0]! : 0;
  };
  return {
    access: attribute(ACCESS_SUPPORTED) !== 0,
    nativeAtomics: attribute(NATIVE_ATOMIC) !== 0,
    performanceRank: attribute(PERFORMANCE_RANK),
  };
}

/** As NVML and nvidia-smi write it: `GPU-` and 8-4-4-4-12 hexadecimal digits. */
export function formatUuid(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes).toString('hex');
  return `GPU-${[hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')}`;
}

/** Text that C wrote into a buffer. */
export function zeroTerminated(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return Buffer.from(bytes.subarray(0, end < 0 ? bytes.length : end)).toString('utf8');
}
