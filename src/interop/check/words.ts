/**
 * @file Sizes, times and instructions as reports write them.
 */
import { formatBytes } from '../../units.ts';
import type { Instruction } from '../engines/types.ts';

/** `64 KiB`; `just below 8 MiB` for the last byte before a whole KiB, `just above` for the first after it. */
export function sizeText(bytes: number): string {
  if (endsBelow(bytes)) return `just below ${formatBytes(bytes + 1)}`;
  return beginsAbove(bytes) ? `just above ${formatBytes(bytes - 1)}` : formatBytes(bytes);
}

/** `from 64 KiB to 1.5 MiB`, `from 64 KiB to below 8 MiB`, `above 512 KiB to 2 MiB`, `at 16 MiB`. */
export function spanText(from: number, last: number): string {
  if (from === last) return `at ${formatBytes(from)}`;
  const start = beginsAbove(from) ? `above ${formatBytes(from - 1)}` : `from ${formatBytes(from)}`;
  return `${start} to ${endsBelow(last) ? `below ${formatBytes(last + 1)}` : formatBytes(last)}`;
}

/** First and last size as columns have them: bounds that are one byte off a whole KiB as the bound. */
export function boundTexts(from: number, last: number): [string, string] {
  return [
    formatBytes(beginsAbove(from) ? from - 1 : from),
    formatBytes(from !== last && endsBelow(last) ? last + 1 : last),
  ];
}

function beginsAbove(bytes: number): boolean {
  return bytes > 1 && (bytes - 1) % 1024 === 0;
}

function endsBelow(bytes: number): boolean {
  return (bytes + 1) % 1024 === 0;
}

/** One digit after the point below 100 us, as sources print them. */
export function usText(us: number): string {
  return `${us < 99.95 ? us.toFixed(1) : us.toFixed(0)} us`;
}

export function percentText(percent: number): string {
  return `${percent < 99.95 ? percent.toFixed(1) : percent.toFixed(0)} %`;
}

/** `VLLM_ALLREDUCE_USE_SYMM_MEM=0 and --disable-custom-all-reduce`. */
export function instructionText(instructions: readonly Instruction[]): string {
  return instructions
    .map(({ kind, text, value }) => (kind === 'config' ? `pass_config.${text} = ${value}` : text))
    .join(' and ');
}
