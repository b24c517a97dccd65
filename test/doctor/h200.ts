/**
 * @file What inspecting a host with four H200 gives. Written by hand after the published facts of such hosts (132 multiprocessors, 18 NVLinks
 * to switches, driver 580.159.04, NCCL 2.28.9); nothing here was recorded on one.
 */
import type { Inspection } from '../../dist/doctor/inspection.js';
import type { DevicesReport } from '../../dist/engine/cuda/inspect/devices.js';
import type { ManagementReport } from '../../dist/engine/cuda/inspect/management.js';
import type { Matrices } from '../../dist/engine/cuda/inspect/matrix.js';
import type { PeersReport } from '../../dist/engine/cuda/inspect/peers.js';

const GPUS = [0, 1, 2, 3];

export function square<T>(diagonal: T, other: (i: number, j: number) => T): T[][] {
  return GPUS.map((i) => GPUS.map((j) => (i === j ? diagonal : other(i, j))));
}

const uuid = (i: number): string => `GPU-0000000${i}-0000-0000-0000-000000000000`;
const bus = (i: number): string => `0${i + 1}:00.0`;

export const devices: DevicesReport = {
  driverVersion: 13000,
  devices: GPUS.map((index) => ({
    index,
    name: 'NVIDIA H200',
    uuid: uuid(index),
    pciBusId: `0000:${bus(index)}`,
    architecture: 'sm_90',
    multiprocessors: 132,
    memoryBytes: 150_121_545_728,
    l2Bytes: 50 * 2 ** 20,
    virtualMemory: true,
    posixHandles: true,
    fabricHandles: false,
    multicast: true,
    ecc: true,
  })),
  pairs: square(null, () => ({ access: true, nativeAtomics: true, performanceRank: 0 })),
};

export const management: ManagementReport = {
  path: 'libnvidia-ml.so.1',
  driver: '580.159.04',
  devices: GPUS.map((i) => ({
    uuid: uuid(i),
    pciBusId: `00000000:${bus(i)}`,
    usedBytes: 600 * 2 ** 20,
    utilization: 0,
    mig: false,
    pcie: { generation: 5, width: 16 },
    nvlink: { links: 18, active: 18, version: 4, toSwitch: 18, toDevice: {} },
  })),
  pairs: square(null, () => ({ topology: 40, read: 'OK', write: 'OK' })),
};

export const matrices: Matrices = {
  unidirectional: square(2400.5, (i, j) => 370 + i + j / 4),
  bidirectional: square(2401, () => 742.1),
  latency: square(2.3, () => 2.61),
  stores: square<number | null>(null, () => 371),
  loads: square<number | null>(null, () => 331.25),
  oneWay: square<number | null>(null, () => 0.71),
};

export const peers: PeersReport = {
  verdicts: square(null, () => ({ ok: true })),
  matrices,
  allToAll: {
    gpus: 4,
    push: 352,
    pushShape: { blocks: 64, threads: 512 },
    pull: 320,
    pullShape: { blocks: 64, threads: 1024 },
    copyEngine: 335,
    best: 352,
  },
};

const ok = <T>(value: T): { ok: true; value: T } => ({ ok: true, value });

export const inspection: Inspection = {
  driverLoaded: true,
  devices: ok(devices),
  management: ok(management),
  nvrtc: ok({ path: 'libnvrtc.so.13', version: '13.0', architectures: [75, 80, 90, 100, 120] }),
  nccl: ok({ path: 'libnccl.so.2', version: 22809 }),
  cublasLt: ok({ path: 'libcublasLt.so.13', version: '13.1.1' }),
  peers: ok(peers),
};
