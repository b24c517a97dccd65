/**
 * @file How much memory GPUs have and how much of it is free, without making a context on them.
 */
import { CrossoverError } from '../../../errors.ts';
import { inspectDevices } from './devices.ts';
import { inspectManagement } from './management.ts';

export interface DeviceMemory {
  readonly total: number;
  /** As NVML says; all of it where there is no NVML. */
  readonly free: number;
}

/** Of the GPU with the least free, among the first `count` that this process may use. @throws CrossoverError when there is no driver */
export function leastFreeMemory(count: number): DeviceMemory {
  const used = usedBytes();
  const all = inspectDevices()
    .devices.slice(0, count)
    .map(({ memoryBytes, uuid }) => ({ total: memoryBytes, free: memoryBytes - (used.get(uuid) ?? 0) }));
  return all.reduce((least, one) => (one.free < least.free ? one : least));
}

function usedBytes(): ReadonlyMap<string, number> {
  try {
    return new Map(inspectManagement().devices.map(({ uuid, usedBytes: bytes }) => [uuid, bytes]));
  } catch (error) {
    if (error instanceof CrossoverError) return new Map();
    throw error;
  }
}
