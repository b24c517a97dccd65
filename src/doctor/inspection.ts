/**
 * @file Looks at GPUs and libraries: each by a probe in a process of its own, those that do not disturb each other at once.
 */
import { existsSync } from 'node:fs';
import { nvccCompiler } from '../engine/cuda/compile.ts';
import type { DevicesReport } from '../engine/cuda/inspect/devices.ts';
import type { ManagementReport } from '../engine/cuda/inspect/management.ts';
import type { PeersReport } from '../engine/cuda/inspect/peers.ts';
import { type Outcome, probe } from '../engine/cuda/inspect/probe.ts';
import { probePeers } from '../engine/cuda/inspect/verify.ts';
import type { CublasLtFacts, NcclFacts, NvrtcFacts } from '../engine/cuda/inspect/versions.ts';
import { CrossoverError } from '../errors.ts';

export interface Inspection {
  /** A driver is loaded in the kernel, whether or not its library can be used here. */
  readonly driverLoaded: boolean;
  readonly devices: Outcome<DevicesReport>;
  readonly management: Outcome<ManagementReport>;
  readonly nvrtc: Outcome<NvrtcFacts>;
  /** Looked for only where there is no NVRTC. */
  readonly nvcc?: { readonly path: string; readonly version: string };
  readonly nccl: Outcome<NcclFacts>;
  readonly cublasLt: Outcome<CublasLtFacts>;
  /** Absent where there are not two GPUs to look at. */
  readonly peers?: Outcome<PeersReport>;
  /** Why links were not measured; absent when they were, or there are none. */
  readonly notMeasured?: string;
}

/** Initialization of many GPUs without persistence mode takes seconds each. */
const TIMEOUT_MS = 30_000;

/** `measure` undefined: when no GPU is in use. */
export async function inspect(
  measure: boolean | undefined,
  onProgress: (at: string) => void,
): Promise<Inspection> {
  const driverLoaded = existsSync('/dev/nvidiactl') || existsSync('/dev/nvidia0');
  const options = { timeoutMs: TIMEOUT_MS };
  onProgress('looking for GPUs and libraries');
  const [devices, management, nvrtc, nccl, cublasLt] = await Promise.all([
    probe<DevicesReport>('devices', null, options),
    probe<ManagementReport>('management', null, options),
    probe<NvrtcFacts>('nvrtc', null, options),
    probe<NcclFacts>('nccl', null, options),
    probe<CublasLtFacts>('cublaslt', null, options),
  ]);
  const found = { driverLoaded, devices, management, nvrtc, ...(nvrtc.ok ? {} : findNvcc()), nccl, cublasLt };
  if (!devices.ok || devices.value.devices.length < 2) return found;
  const notMeasured = reasonNotToMeasure(measure, devices.value, management);
  const peers = await probePeers(devices.value, notMeasured === undefined ? 'all' : 'none', onProgress);
  return { ...found, peers, ...(notMeasured === undefined ? {} : { notMeasured }) };
}

function findNvcc(): Pick<Inspection, 'nvcc'> {
  try {
    const { path, version } = nvccCompiler();
    return { nvcc: { path, version } };
  } catch (error) {
    if (error instanceof CrossoverError) return {};
    throw error;
  }
}

/** A GPU with nothing to do has some hundred MB taken by the driver. */
const IDLE_PART = 0.03;

/** Whoever runs on the GPUs would be slowed down, and what was measured would be wrong. */
export function reasonNotToMeasure(
  measure: boolean | undefined,
  { devices }: DevicesReport,
  management: Outcome<ManagementReport>,
): string | undefined {
  if (measure === true) return undefined;
  if (measure === false) return '--no-measure was given';
  if (!management.ok)
    return 'without NVML it cannot be told whether the GPUs are in use; --measure measures anyway';
  for (const { index, uuid, memoryBytes } of devices) {
    const managed = management.value.devices.find((device) => device.uuid === uuid);
    if (managed === undefined) return `NVML does not know GPU ${index}; --measure measures anyway`;
    if (managed.usedBytes > IDLE_PART * memoryBytes || (managed.utilization ?? 0) > 0)
      return `GPU ${index} is in use; --measure measures anyway`;
  }
  return undefined;
}
