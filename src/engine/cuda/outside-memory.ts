/**
 * @file Memory that something else in this process allocated on this rank's GPU, and whether kernels here may use it.
 */
import { CUDA_SUCCESS } from '../../ffi/cuda.ts';
import type { Device } from './device.ts';

/** CUpointer_attribute, and CUmemorytype. */
const MEMORY_TYPE = 2;
const DEVICE_ORDINAL = 9;
const HOST = 1;

/** Why bytes at an address cannot be operands of this device's kernels, or undefined when they can. */
export function problemWithMemory(device: Device, address: number, bytes: number): string | undefined {
  const value = new Int32Array(1);
  const ask = (attribute: number, at: number): number | undefined =>
    device.cuda.pointerAttribute(value, attribute, at) === CUDA_SUCCESS ? value[0] : undefined;
  // The ends stand for all between them: one allocation may be many to the driver.
  for (const at of bytes > 0 ? [address, address + bytes - 1] : []) {
    const type = ask(MEMORY_TYPE, at);
    if (type === undefined) return `the driver knows no memory at 0x${at.toString(16)}`;
    if (type === HOST) return `0x${at.toString(16)} is memory of the host`;
    const ordinal = ask(DEVICE_ORDINAL, at);
    if (ordinal !== device.handle)
      return `0x${at.toString(16)} is memory of GPU ${ordinal}, and this rank has GPU ${device.ordinal}`;
  }
  return undefined;
}
