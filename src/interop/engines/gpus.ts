/**
 * @file GPUs by name: compute capability, memory bandwidth, and whether NVLink connects them as they are usually sold. From NVIDIA's data sheets.
 */
import { CrossoverError } from '../../errors.ts';

export interface Gpu {
  readonly name: string;
  /** `9.0`, as the engines' tables have it. */
  readonly capability: string;
  /** Of device memory, TB/s (1e12 bytes a second). */
  readonly memoryTBs: number;
  /** Whether hosts with several of them have NVLink between all pairs. */
  readonly nvlink: boolean;
  /** Whether NVLink multicast exists (NVSwitch of the third generation and later). */
  readonly multicast: boolean;
}

function gpu(name: string, capability: string, memoryTBs: number, nvlink: boolean, multicast = nvlink): Gpu {
  return { name, capability, memoryTBs, nvlink, multicast };
}

/** Longer names first where one contains another. */
export const GPUS: readonly Gpu[] = [
  gpu('GB300', '10.3', 8, true),
  gpu('GB200', '10.0', 8, true),
  gpu('B300', '10.3', 8, true),
  gpu('B200', '10.0', 8, true),
  // Bridges join up to four of these, and two of those: no switch, and no multicast.
  gpu('H200 NVL', '9.0', 4.8, true, false),
  gpu('H100 NVL', '9.0', 3.9, false),
  gpu('H200', '9.0', 4.8, true),
  gpu('H100 PCIe', '9.0', 2, false),
  gpu('H100', '9.0', 3.35, true),
  gpu('H20', '9.0', 4, true),
  gpu('A100', '8.0', 2, true, false),
  gpu('L40S', '8.9', 0.864, false),
  gpu('RTX 4090', '8.9', 1.008, false),
  gpu('RTX 5090', '12.0', 1.792, false),
  gpu('RTX PRO 6000', '12.0', 1.792, false),
];

/** The GPU that a name means: `H200`, `NVIDIA H200`, `4090`. Throws CrossoverError for others, with those that are known. */
export function findGpu(name: string): Gpu {
  const asked = plain(name);
  const found =
    GPUS.find(({ name }) => asked.includes(plain(name))) ??
    // Numbers alone are names too; anything shorter is none.
    GPUS.find(({ name }) => /^\d{4}$/.test(asked) && plain(name).endsWith(asked));
  if (found === undefined) {
    throw new CrossoverError(`gpu is "${name}"; use one of ${GPUS.map((each) => each.name).join(', ')}`);
  }
  // `NVIDIA A100 80GB PCIe`, as the driver names it, has no NVLink but a bridge to one other.
  return /PCIE/.test(asked) && found.nvlink ? { ...found, nvlink: false, multicast: false } : found;
}

function plain(name: string): string {
  return name.toUpperCase().replace(/[^A-Z0-9]/g, '');
}
