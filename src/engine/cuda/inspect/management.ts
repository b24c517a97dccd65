/**
 * @file What NVML says of every GPU and pair: NVLinks and where they lead, the PCIe path, whether P2P is allowed, load.
 * NVML numbers all GPUs of the host; the driver API those that this process may see. UUIDs tell which is which.
 */
import { type Nvml, type NvmlDevice, openNvml, PCI_INFO } from '../../../ffi/nvml.ts';
import { zeroTerminated } from './devices.ts';

export interface ManagedDevice {
  readonly uuid: string;
  readonly pciBusId: string;
  readonly usedBytes: number;
  /** Percent of the last second or so in which a kernel ran; undefined where it is not told. */
  readonly utilization?: number;
  /** Partitioned into instances, which have no P2P. */
  readonly mig: boolean;
  readonly pcie?: { readonly generation: number; readonly width: number };
  readonly nvlink: NvlinkFacts;
}

export interface NvlinkFacts {
  /** Links the chip has, and how many of them are up. */
  readonly links: number;
  readonly active: number;
  readonly version?: number;
  /** Active links that end at an NVSwitch. */
  readonly toSwitch: number;
  /** Active links that end at another device, by its PCI bus id. */
  readonly toDevice: Readonly<Record<string, number>>;
}

export interface ManagedPair {
  /** nvmlGpuTopologyLevel_t: 0 one board, 10 one PCIe switch, 20 several, 30 one host bridge, 40 one NUMA node, 50 across sockets. */
  readonly topology?: number;
  /** nvmlGpuP2PStatus_t in words, `OK` when allowed. */
  readonly read?: string;
  readonly write?: string;
}

export interface ManagementReport {
  readonly path: string;
  /** `580.159.04`. */
  readonly driver: string;
  readonly devices: readonly ManagedDevice[];
  /** [device][peer], numbered as `devices`. */
  readonly pairs: readonly (readonly (ManagedPair | null)[])[];
}

const MOST_LINKS = 18;
const REMOTE_SWITCH = 2;
const P2P_READ = 0;
const P2P_WRITE = 1;
const P2P_STATUS = [
  'OK',
  'chipset not supported',
  'GPU not supported',
  'PCIe topology not supported',
  'disabled by a driver option',
  'not supported',
  'unknown',
];

/** @throws CrossoverError when there is no NVML, or it cannot start */
export function inspectManagement(): ManagementReport {
  const nvml = openNvml();
  const count = word((out) => nvml.deviceCount(out)) ?? 0;
  const handles: NvmlDevice[] = [];
  for (let i = 0; i < count; i++) {
    const handle = new BigUint64Array(1);
    if (nvml.deviceByIndex(i, handle) === 0) handles.push(handle[0] as NvmlDevice);
  }
  const version = new Uint8Array(96);
  nvml.driverVersion(version, version.length);
  return {
    path: nvml.path,
    driver: zeroTerminated(version),
    devices: handles.map((device) => inspectDevice(nvml, device)),
    pairs: handles.map((device) =>
      handles.map((peer) => (peer === device ? null : inspectPair(nvml, device, peer))),
    ),
  };
}

function inspectDevice(nvml: Nvml, device: NvmlDevice): ManagedDevice {
  const uuid = new Uint8Array(96);
  nvml.deviceUuid(device, uuid, uuid.length);
  const memory = new BigUint64Array(3);
  nvml.deviceMemory(device, memory);
  const rates = new Uint32Array(2);
  const known = nvml.deviceUtilization(device, rates) === 0;
  const pending = new Uint32Array(1);
  const generation = word((out) => nvml.pcieGeneration?.(device, out));
  const width = word((out) => nvml.pcieWidth?.(device, out));
  return {
    uuid: zeroTerminated(uuid),
    pciBusId: busId((info) => nvml.devicePciInfo(device, info)) ?? '',
    usedBytes: Number(memory[2]),
    ...(known ? { utilization: rates[0]! } : {}),
    mig: word((out) => nvml.migMode?.(device, out, pending)) === 1,
    ...(generation === undefined || width === undefined ? {} : { pcie: { generation, width } }),
    nvlink: inspectNvlink(nvml, device),
  };
}

function inspectNvlink(nvml: Nvml, device: NvmlDevice): NvlinkFacts {
  let links = 0;
  let active = 0;
  let toSwitch = 0;
  let version: number | undefined;
  const toDevice: Record<string, number> = {};
  for (let link = 0; link < MOST_LINKS; link++) {
    const state = word((out) => nvml.nvlinkState?.(device, link, out));
    if (state === undefined) continue;
    links++;
    if (state === 0) continue;
    active++;
    version ??= word((out) => nvml.nvlinkVersion?.(device, link, out));
    const remote = busId((info) => nvml.nvlinkRemotePciInfo?.(device, link, info));
    const type = word((out) => nvml.nvlinkRemoteType?.(device, link, out));
    if (type === REMOTE_SWITCH || remote === undefined || isHidden(remote)) toSwitch++;
    else toDevice[remote] = (toDevice[remote] ?? 0) + 1;
  }
  return { links, active, toSwitch, toDevice, ...(version === undefined ? {} : { version }) };
}

/** A virtual machine that does not see the switches is told this address for them. */
export function isHidden(pciBusId: string): boolean {
  return pciBusId.includes('fffffff:ffff:ff');
}

function inspectPair(nvml: Nvml, device: NvmlDevice, peer: NvmlDevice): ManagedPair {
  const topology = word((out) => nvml.topology?.(device, peer, out));
  const read = word((out) => nvml.p2pStatus?.(device, peer, P2P_READ, out));
  const write = word((out) => nvml.p2pStatus?.(device, peer, P2P_WRITE, out));
  return {
    ...(topology === undefined ? {} : { topology }),
    ...(read === undefined ? {} : { read: P2P_STATUS[read] ?? `status ${read}` }),
    ...(write === undefined ? {} : { write: P2P_STATUS[write] ?? `status ${write}` }),
  };
}

/** The word that a call writes, or undefined when the library lacks the function or the device the feature. */
function word(call: (out: Uint32Array) => number | undefined): number | undefined {
  const out = new Uint32Array(1);
  return call(out) === 0 ? out[0]! : undefined;
}

function busId(call: (info: Uint8Array) => number | undefined): string | undefined {
  const info = new Uint8Array(PCI_INFO.bytes);
  if (call(info) !== 0) return undefined;
  return zeroTerminated(info.subarray(PCI_INFO.busId, PCI_INFO.busId + PCI_INFO.busIdBytes)).toLowerCase();
}
