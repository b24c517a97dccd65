/**
 * @file Arithmetic that launches of model kernels share.
 */
import { CrossoverError } from '../../../errors.ts';

/** Elements of bf16 in a pack of 16 bytes. */
export const PACK = 8;

export const KIB = 1024;

/** Whether rows of bf16 are whole packs, each at a multiple of 16 bytes. */
export function isWhole(...widths: readonly number[]): boolean {
  return widths.every((width) => width % PACK === 0);
}

export function blocksFor(threads: number, block: number): number {
  return Math.ceil(threads / block);
}

/** Shared memory that a block may have, in bytes: 227, 163 or 99 KiB. A multiprocessor has one KiB more, and every block takes one of it besides its own. */
export function mostShared(capability: number): number {
  if (capability === 80 || capability === 87) return 163 * KIB;
  return (capability >= 90 && capability < 120 ? 227 : 99) * KIB;
}

/** Refuses a shape that there is no kernel for. */
export function atMost(kernel: string, name: string, value: number, most: number): void {
  if (value > most)
    throw new CrossoverError(`${kernel}: ${name} is ${value}; the CUDA engine has kernels for up to ${most}`);
}
