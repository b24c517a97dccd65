/**
 * @file The host: cores, memory, WebAssembly, /dev/shm, and whether it is a virtual machine or a container.
 */
import { existsSync, readFileSync, statfsSync } from 'node:fs';
import { availableParallelism, cpus, freemem, totalmem } from 'node:os';
import { LIMITS } from '../collective/engines.ts';
import { formatBytes } from '../units.ts';
import type { Finding } from './finding.ts';

const section = 'host';

/** What of the host matters to GPUs only, as data. */
export interface HostFacts {
  /** Bytes of /dev/shm, free and in all; undefined when there is none. */
  readonly sharedMemory?: { readonly freeBytes: number; readonly bytes: number };
  readonly virtualMachine: boolean;
  /** What tells that this is a container. */
  readonly container?: string;
}

export function inspectHost(): HostFacts {
  const sharedMemory = filesystem('/dev/shm');
  const container = containerSign();
  return {
    // The CPU itself says so to its guests.
    virtualMachine: /^flags\s*:.*\bhypervisor\b/m.test(textOf('/proc/cpuinfo')),
    ...(sharedMemory === undefined ? {} : { sharedMemory }),
    ...(container === undefined ? {} : { container }),
  };
}

/** `gpus` says whether there are any: what only they need is not mentioned elsewhere. */
export function hostFindings(facts: HostFacts, gpus: boolean): Finding[] {
  return [
    cpu(),
    memory(),
    webAssembly(),
    ...(gpus ? [sharedMemoryFinding(facts), ...virtualization(facts)] : []),
  ];
}

function cpu(): Finding {
  const cores = availableParallelism();
  return {
    section,
    what: 'CPU',
    found: `${cpus()[0]?.model.trim() ?? 'unknown'}, ${cores} cores for this process, Node ${process.version}`,
    ok: true,
    consequence:
      cores === 1
        ? 'ranks take turns on one core: every synchronization costs a switch'
        : `up to ${cores} ranks poll; more ranks sleep while they wait`,
    remedy: cores === 1 ? 'give the process more cores before you tune' : '',
  };
}

function memory(): Finding {
  return {
    section,
    what: 'memory',
    found: `${formatBytes(freemem())} free of ${formatBytes(totalmem())}`,
    ok: true,
    consequence: `the CPU engine addresses 4 GiB for up to ${LIMITS.cpu.ranks} ranks; 128 MiB a rank by default, committed when touched`,
    remedy: '',
  };
}

/** The kernels need 128-bit SIMD and atomics on shared memory: a module with one instruction of each must validate. */
function webAssembly(): Finding {
  // (module (memory 1 1 shared) (func (drop (v128.const 0...))) (func (drop (i32.atomic.load (i32.const 0)))))
  const sections = [
    '0061736d01000000',
    '010401600000',
    '0303020000',
    '050401030101',
    '0a2102',
    '1500fd0c000000000000000000000000000000001a0b',
    '09004100fe1002001a0b',
  ];
  const valid = WebAssembly.validate(Buffer.from(sections.join(''), 'hex'));
  return {
    section,
    what: 'WebAssembly',
    found: valid ? 'SIMD and threads' : 'no SIMD or no threads',
    ok: valid,
    consequence: valid ? 'the CPU engine works' : 'the CPU engine cannot run',
    remedy: valid ? '' : 'use Node >= 20.12 without flags that switch WebAssembly features off',
  };
}

/** NCCL's shared-memory transport, and its host buffers where cuMem has none, take some 10 MB a pair of ranks. */
const LEAST_SHARED_MEMORY = 256 * 2 ** 20;

function sharedMemoryFinding({ sharedMemory }: HostFacts): Finding {
  const base = { section, what: '/dev/shm', ok: true } as const;
  const remedy = 'in a container: --shm-size=1g or --ipc=host';
  if (sharedMemory === undefined) {
    return {
      ...base,
      found: 'missing',
      consequence: 'NCCL cannot start; kernels of our own do not need it',
      remedy,
    };
  }
  const { bytes, freeBytes } = sharedMemory;
  const small = freeBytes < LEAST_SHARED_MEMORY;
  return {
    ...base,
    found: `${formatBytes(freeBytes)} free of ${formatBytes(bytes)}`,
    consequence: small
      ? 'NCCL may fail to start ("unable to write to /dev/shm"); kernels of our own do not need it'
      : 'enough for NCCL',
    remedy: small ? remedy : '',
  };
}

function virtualization({ virtualMachine, container }: HostFacts): Finding[] {
  const findings: Finding[] = [];
  if (virtualMachine) {
    findings.push({
      section,
      what: 'virtual machine',
      found: 'the CPU reports a hypervisor',
      ok: true,
      consequence:
        "PCIe paths below are the virtual machine's, not the hardware's; NVSwitches may be hidden, NVLinks are still counted",
      remedy: 'go by the measured matrix; PCIe P2P needs a host that lets GPUs reach each other (ACS, IOMMU)',
    });
  }
  if (container !== undefined) {
    findings.push({
      section,
      what: 'container',
      found: container,
      ok: true,
      consequence:
        'ranks in different containers reach each other by NCCL only when they share /dev/shm and the network namespace',
      remedy: 'run all ranks of a host in one container; locked memory: --ulimit memlock=-1',
    });
  }
  return findings;
}

function filesystem(path: string): HostFacts['sharedMemory'] {
  try {
    const { bsize, blocks, bavail } = statfsSync(path);
    return { bytes: bsize * blocks, freeBytes: bsize * bavail };
  } catch {
    return undefined;
  }
}

function containerSign(): string | undefined {
  if (existsSync('/.dockerenv')) return '/.dockerenv is there';
  if (existsSync('/run/.containerenv')) return '/run/.containerenv is there';
  if (process.env.KUBERNETES_SERVICE_HOST) return 'a Kubernetes pod';
  return undefined;
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
