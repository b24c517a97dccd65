/**
 * @file NVML, the management library: what the driver API does not say of links, topology and load. It comes with the driver; optional.
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

export type NvmlDevice = bigint & { readonly handle: 'nvmlDevice' };

type F<A extends unknown[]> = Prototype<(...args: A) => number>;

const FUNCTIONS = {
  init: 'int nvmlInit_v2()' as F<[]>,
  shutdown: 'int nvmlShutdown()' as F<[]>,
  errorString: 'const char *nvmlErrorString(int result)' as Prototype<(result: number) => string>,
  driverVersion: 'int nvmlSystemGetDriverVersion(void *text, uint32_t length)' as F<
    [text: Pointer, length: number]
  >,
  deviceCount: 'int nvmlDeviceGetCount_v2(void *count)' as F<[count: Pointer]>,
  deviceByIndex: 'int nvmlDeviceGetHandleByIndex_v2(uint32_t index, void *device)' as F<
    [index: number, device: Pointer]
  >,
  deviceUuid: 'int nvmlDeviceGetUUID(void *device, void *text, uint32_t length)' as F<
    [device: NvmlDevice, text: Pointer, length: number]
  >,
  /** `nvmlPciInfo_t`, 68 bytes: see PCI_INFO. */
  devicePciInfo: 'int nvmlDeviceGetPciInfo_v3(void *device, void *info)' as F<
    [device: NvmlDevice, info: Pointer]
  >,
  /** Three 64-bit words: total, free, used. */
  deviceMemory: 'int nvmlDeviceGetMemoryInfo(void *device, void *memory)' as F<
    [device: NvmlDevice, memory: Pointer]
  >,
  /** Two 32-bit words, percent: multiprocessors, memory. */
  deviceUtilization: 'int nvmlDeviceGetUtilizationRates(void *device, void *rates)' as F<
    [device: NvmlDevice, rates: Pointer]
  >,
};

/** What older drivers lack. */
const NEWER = {
  migMode: 'int nvmlDeviceGetMigMode(void *device, void *current, void *pending)' as F<
    [device: NvmlDevice, current: Pointer, pending: Pointer]
  >,
  pcieGeneration: 'int nvmlDeviceGetMaxPcieLinkGeneration(void *device, void *generation)' as F<
    [device: NvmlDevice, generation: Pointer]
  >,
  pcieWidth: 'int nvmlDeviceGetMaxPcieLinkWidth(void *device, void *width)' as F<
    [device: NvmlDevice, width: Pointer]
  >,
  nvlinkState: 'int nvmlDeviceGetNvLinkState(void *device, uint32_t link, void *active)' as F<
    [device: NvmlDevice, link: number, active: Pointer]
  >,
  nvlinkVersion: 'int nvmlDeviceGetNvLinkVersion(void *device, uint32_t link, void *version)' as F<
    [device: NvmlDevice, link: number, version: Pointer]
  >,
  nvlinkRemotePciInfo:
    'int nvmlDeviceGetNvLinkRemotePciInfo_v2(void *device, uint32_t link, void *info)' as F<
      [device: NvmlDevice, link: number, info: Pointer]
    >,
  nvlinkRemoteType: 'int nvmlDeviceGetNvLinkRemoteDeviceType(void *device, uint32_t link, void *type)' as F<
    [device: NvmlDevice, link: number, type: Pointer]
  >,
  topology: 'int nvmlDeviceGetTopologyCommonAncestor(void *device, void *peer, void *level)' as F<
    [device: NvmlDevice, peer: NvmlDevice, level: Pointer]
  >,
  p2pStatus: 'int nvmlDeviceGetP2PStatus(void *device, void *peer, int capability, void *status)' as F<
    [device: NvmlDevice, peer: NvmlDevice, capability: number, status: Pointer]
  >,
};

export type Nvml = Bound<typeof FUNCTIONS> & Found<typeof NEWER> & { readonly path: string };

/** Bytes of `nvmlPciInfo_t`, and where in it the bus id is: text, ended by a zero. */
export const PCI_INFO = { bytes: 68, busId: 36, busIdBytes: 32 } as const;

/** NVML, bound and initialized. @throws CrossoverError when there is none, or it cannot start */
export function openNvml(): Nvml {
  const library = openLibrary('nvml');
  const nvml: Nvml = {
    ...bindAll(library, FUNCTIONS),
    ...findAll(library, NEWER),
    path: library.path,
  };
  const result = nvml.init();
  if (result !== 0) throw new CrossoverError(`nvmlInit (${library.path}): ${nvml.errorString(result)}`);
  return nvml;
}
