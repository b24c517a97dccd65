/**
 * @file Sizes and times as people write them: `64 KiB`, `18.3 us`, `1.24 ms`; on the command line and in columns `64K`, as nccl-tests does.
 */
import { CrossoverError } from './errors.ts';

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** A size in binary units, at most two decimals: `512 B`, `64 KiB`, `1.5 MiB`. */
export function formatBytes(bytes: number): string {
  let unit = 0;
  let value = bytes;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${Number(value.toFixed(2))} ${UNITS[unit]}`;
}

/** A time given in us, three significant digits: `18.3 us`, `1.24 ms`, `2.5 s`. */
export function formatMicroseconds(us: number): string {
  // The bounds are where three digits would round up to the next unit.
  if (us >= 999_500) return `${significant(us / 1e6)} s`;
  if (us >= 999.5) return `${significant(us / 1e3)} ms`;
  return `${significant(us)} us`;
}

function significant(value: number): string {
  return String(value >= 100 ? Math.round(value) : Number(value.toPrecision(3)));
}

const SUFFIXES = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 } as const;

/** Bytes of `256K`, `1.5M` or `4096`; `field` names the option in the error. */
export function parseSize(text: string, field: string): number {
  const match = /^(\d+(?:\.\d+)?)([KMG]?)(?:i?B)?$/i.exec(text.trim());
  const bytes =
    match === null ? 0 : Number(match[1]) * SUFFIXES[match[2]!.toUpperCase() as keyof typeof SUFFIXES];
  if (!Number.isSafeInteger(bytes) || bytes <= 0) {
    throw new CrossoverError(`${field} "${text}" is no size; use a number of bytes, or 256K, 8M, 1G`);
  }
  return bytes;
}

/** The shortest exact form: `256K`, `1536K`, `1000`. */
export function formatSize(bytes: number): string {
  for (const unit of ['G', 'M', 'K'] as const) {
    if (bytes >= SUFFIXES[unit] && bytes % SUFFIXES[unit] === 0) return `${bytes / SUFFIXES[unit]}${unit}`;
  }
  return String(bytes);
}

/** Sizes of one sweep: more than this nobody waits for. */
const MOST_SIZES = 1000;

/** Sizes from `begin` to `end`, multiplied by `factor`, as `-b -e -f` of nccl-tests. */
export function sizeRange(begin: number, end: number, factor: number): number[] {
  if (!(factor > 1)) throw new CrossoverError(`-f is ${factor}; use a factor above 1`);
  if (end < begin) throw new CrossoverError(`-e (${formatSize(end)}) is below -b (${formatSize(begin)})`);
  const sizes: number[] = [];
  for (let size = begin; size <= end; size = Math.max(size + 1, Math.round(size * factor))) {
    sizes.push(size);
    if (sizes.length > MOST_SIZES)
      throw new CrossoverError(
        `-f is ${factor}, which makes more than ${MOST_SIZES} sizes of -b ${formatSize(begin)} to -e ${formatSize(end)}; use a larger one`,
      );
  }
  return sizes;
}
