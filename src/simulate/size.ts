/**
 * @file Sizes on the command line and in tables, with nccl-tests' suffixes: 8, 1K, 128M, 1G (powers of 1024).
 */
import { CrossoverError } from '../errors.ts';

const UNITS = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 } as const;

/** Bytes of `256K`, `1.5M` or `4096`; `field` names the option in the error. */
export function parseSize(text: string, field: string): number {
  const match = /^(\d+(?:\.\d+)?)([KMG]?)(?:i?B)?$/i.exec(text.trim());
  const bytes = match === null ? 0 : Number(match[1]) * UNITS[match[2]!.toUpperCase() as keyof typeof UNITS];
  if (!Number.isSafeInteger(bytes) || bytes <= 0) {
    throw new CrossoverError(`${field} "${text}" is no size; use a number of bytes, or 256K, 8M, 1G`);
  }
  return bytes;
}

/** The shortest exact form: `256K`, `1536K`, `1000`. */
export function formatSize(bytes: number): string {
  for (const unit of ['G', 'M', 'K'] as const) {
    if (bytes >= UNITS[unit] && bytes % UNITS[unit] === 0) return `${bytes / UNITS[unit]}${unit}`;
  }
  return String(bytes);
}

/** Sizes from `begin` to `end`, multiplied by `factor`, as `-b -e -f` of nccl-tests. */
export function sizeRange(begin: number, end: number, factor: number): number[] {
  if (!(factor > 1)) throw new CrossoverError(`-f is ${factor}; use a factor above 1`);
  if (end < begin) throw new CrossoverError(`-e (${formatSize(end)}) is below -b (${formatSize(begin)})`);
  const sizes: number[] = [];
  for (let size = begin; size <= end; size = Math.max(size + 1, Math.round(size * factor))) sizes.push(size);
  return sizes;
}
