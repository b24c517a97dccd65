/**
 * @file Every CUDA kernel by name. A new kernel is a row in the file of its family, in catalog/; a new family is a line here.
 */
import { CrossoverError } from '../../errors.ts';
import { ALL_REDUCE } from './catalog/all-reduce.ts';
import { GROUP } from './catalog/group.ts';
import type { Kernel } from './catalog/kernel.ts';
import { MULTIMEM } from './catalog/multimem.ts';
import { PARTS } from './catalog/parts.ts';
import { QUANTIZED } from './catalog/quantized.ts';
import { RMS_NORM } from './catalog/rms-norm.ts';

/** The name of a kernel is the name of its function. */
export const KERNELS: Readonly<Record<string, Kernel>> = {
  ...ALL_REDUCE,
  ...GROUP,
  ...PARTS,
  ...QUANTIZED,
  ...RMS_NORM,
  ...MULTIMEM,
};

export function hasKernel(name: string): boolean {
  return Object.hasOwn(KERNELS, name);
}

export function kernelOf(name: string): Kernel {
  if (hasKernel(name)) return KERNELS[name]!;
  throw new CrossoverError(`the CUDA engine has no kernel ${name}`);
}
