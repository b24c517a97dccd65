/**
 * @file GPUs: what each is, and whether the CUDA engine can use it.
 */
import type { DeviceFacts } from '../engine/cuda/inspect/devices.ts';
import { linkMatrix } from '../engine/cuda/inspect/links.ts';
import type { ManagedDevice } from '../engine/cuda/inspect/management.ts';
import { formatBytes } from '../units.ts';
import type { Finding } from './finding.ts';
import type { Inspection } from './inspection.ts';
import { claimed, linkFinding, measured, verified } from './links.ts';

const section = 'GPUs';

export function gpuFindings(inspection: Inspection): Finding[] {
  const { devices, management, peers } = inspection;
  if (!devices.ok || devices.value.devices.length === 0) return [noGpus(inspection)];
  const managed = management.ok ? management.value : undefined;
  const links = linkMatrix(devices.value, managed);
  return [
    ...devices.value.devices.map((device) =>
      gpu(
        device,
        managed?.devices.find(({ uuid }) => uuid === device.uuid),
      ),
    ),
    features(devices.value.devices),
    ...(devices.value.devices.length < 2 ? [alone()] : [linkFinding(links), claimed(devices.value, links)]),
    ...(peers === undefined ? [] : [verified(devices.value, peers), measured(inspection, peers)]),
  ];
}

const CPU_ONLY =
  'collectives run on the CPU engine: right for programs and tests, no measure of GPU collectives';

function noGpus({ driverLoaded, devices }: Inspection): Finding {
  const base = { section, what: 'GPUs', consequence: CPU_ONLY } as const;
  if (devices.ok) {
    return {
      ...base,
      found: 'the driver shows none to this process',
      ok: true,
      remedy: 'look at CUDA_VISIBLE_DEVICES, and at the devices given to the container (--gpus all)',
    };
  }
  if (driverLoaded) {
    return {
      ...base,
      found: `an NVIDIA driver is loaded, but cannot be used: ${devices.reason}`,
      ok: false,
      remedy:
        'in a container: start it with the NVIDIA runtime (--gpus all); else reinstall the driver, and reboot when kernel and library versions differ',
    };
  }
  return {
    ...base,
    found: 'none (no NVIDIA driver)',
    ok: true,
    remedy: '"crossover simulate" predicts times for GPU hosts that are not here',
  };
}

function gpu(device: DeviceFacts, managed: ManagedDevice | undefined): Finding {
  const { index, name, architecture, multiprocessors, memoryBytes, l2Bytes } = device;
  const facts = [
    name,
    architecture,
    `${multiprocessors} multiprocessors`,
    formatBytes(memoryBytes),
    `L2 ${formatBytes(l2Bytes)}`,
    ...(managed === undefined ? [] : linksOf(managed)),
  ];
  const base = { section, what: `GPU ${index}`, found: facts.join(', ') } as const;
  if (managed?.mig === true) {
    return {
      ...base,
      ok: false,
      consequence:
        'it is split into instances (MIG), which do not reach other GPUs: the CUDA engine cannot run',
      remedy: 'switch MIG off (nvidia-smi -mig 0), or use the CPU engine',
    };
  }
  if (!device.virtualMemory) {
    return {
      ...base,
      ok: false,
      consequence:
        'no virtual memory management, which the symmetric heap is made of: the CUDA engine cannot run',
      remedy: 'a vGPU profile without it must be changed; else use a driver for CUDA 12 or newer',
    };
  }
  return { ...base, ok: true, consequence: '', remedy: '' };
}

function linksOf({ nvlink, pcie }: ManagedDevice): string[] {
  const { links, active, version } = nvlink;
  const generation = version === undefined ? '' : ` (version ${version})`;
  return [
    ...(links === 0 ? [] : [`${active} of ${links} NVLinks up${generation}`]),
    ...(pcie === undefined ? [] : [`PCIe ${pcie.generation} x${pcie.width}`]),
  ];
}

function features(devices: readonly DeviceFacts[]): Finding {
  const all = (has: (device: DeviceFacts) => boolean): string => {
    const count = devices.filter(has).length;
    if (count === devices.length) return 'yes';
    return count === 0 ? 'no' : `${count} of ${devices.length}`;
  };
  const posix = all(({ posixHandles }) => posixHandles);
  return {
    section,
    what: 'features',
    found: [
      `virtual memory ${all(({ virtualMemory }) => virtualMemory)}`,
      `POSIX handles ${posix}`,
      `fabric handles ${all(({ fabricHandles }) => fabricHandles)}`,
      `multicast ${all(({ multicast }) => multicast)}`,
    ].join(', '),
    ok: true,
    consequence: `multicast is reported, never used${posix === 'yes' ? '' : '; without POSIX handles ranks must be threads of one process'}`,
    remedy: '',
  };
}

function alone(): Finding {
  return {
    section,
    what: 'links',
    found: 'one GPU: none',
    ok: true,
    consequence: 'collectives need two GPUs or more',
    remedy: 'look at CUDA_VISIBLE_DEVICES if there are more',
  };
}
