/**
 * @file Launches in words, and what to say when ranks disagree. Engines find a disagreement each in their own way and report it in the same.
 */
import { MismatchError } from '../errors.ts';
import { QUANTIZATIONS, REDUCE_OPS } from '../operations.ts';
import { DTYPES } from '../tensor/dtype.ts';
import type { Launch } from './engine.ts';

/** What ranks compare when they disagree. */
export interface LaunchText {
  readonly text: string;
  /** Operands that the text leaves out, by name. */
  readonly rest: Readonly<Record<string, string | number>>;
}

/** Operands that are compared, the kernel apart: those that all ranks must give alike. */
export type Operands = Omit<Launch, 'kernel'>;

/**
 * A launch in words and in what the words leave out, with buffers as offsets in the arena, so that equal calls read equal on every rank. Below 0,
 * -1 less the bytes past a multiple of 16, are those outside.
 */
export function describeLaunch(kernel: string, launch: Operands, arena: number): LaunchText {
  const place = (address: number): string =>
    address < 0
      ? `outside the heap, ${-1 - address} past a multiple of 16`
      : address
        ? `@${address - arena}`
        : 'absent';
  const named = (name: string, address: number): string => (address ? `, ${name} ${place(address)}` : '');
  const rows = launch.hidden > 0;
  const shape = rows ? `[${launch.tokens}, ${launch.hidden}]` : `${launch.count} elements`;
  const detail = rows
    ? `${QUANTIZATIONS[launch.quantization]}, ${launch.residual ? 'with' : 'without'} residual, epsilon ${shortest(launch.epsilon)}`
    : kernel.includes('broadcast')
      ? `root ${launch.root}`
      : kernel.includes('reduce')
        ? REDUCE_OPS[launch.reduceOp]!
        : 'gather';
  const text =
    kernel === 'barrier'
      ? kernel
      : `${kernel} ${DTYPES[launch.dtype]} ${shape} (${detail}` +
        `${named('input', launch.input)}${named('output', launch.output)}${named('residual out', launch.residualOut)})`;
  const rest = {
    weight: launch.weight ? 'given' : 'absent',
    'weight bias': shortest(launch.weightBias),
    castBeforeWeight: String(launch.castBeforeWeight),
    scale: shortest(launch.scale),
    'quantized output': place(launch.quantOut),
    'scale output': place(launch.scaleOut),
    parts: launch.parts?.join(' ') ?? 'equal',
    chunk_bytes: launch.chunkBytes,
    blocks: launch.blocks,
    threads: launch.threads,
  };
  return { text, rest };
}

/** The error for calls of ranks `low` and `rank` that differ. */
export function disagreement(first: LaunchText, rank: number, other: LaunchText, low = 0): MismatchError {
  if (first.text !== other.text) {
    return new MismatchError(
      `ranks disagree: rank ${low} calls ${first.text}; rank ${rank} calls ${other.text}`,
    );
  }
  const name = Object.keys(first.rest).find((key) => first.rest[key] !== other.rest[key]);
  if (name === undefined) {
    return new MismatchError(`ranks disagree, and yet all call ${first.text}; was their memory overwritten?`);
  }
  return new MismatchError(
    `ranks disagree: all call ${first.text}, but ${name} is ${first.rest[name]} on rank ${low} and ${other.rest[name]} on rank ${rank}`,
  );
}

/** The float64 with the fewest digits that is this float32: 1e-6 and not 9.999999974752427e-7. */
function shortest(value: number): number {
  const single = Math.fround(value);
  for (let digits = 1; digits < 9; digits++) {
    const short = Number(single.toPrecision(digits));
    if (Math.fround(short) === single) return short;
  }
  return single;
}
