/**
 * @file What text and JSON of nccl-tests have in common: which collective it was, and whether a row's numbers belong together.
 */
import { busFactor, type MeasuredOperation } from '../measurement.ts';
import { type Found, quoted } from './format.ts';
import { agrees, elementBytes, PRINTED } from './values.ts';

/** Collectives by the names of their programs, less `_perf`. */
const PROGRAMS: Readonly<Record<string, MeasuredOperation>> = {
  all_reduce: 'all_reduce',
  all_gather: 'all_gather',
  reduce_scatter: 'reduce_scatter',
  broadcast: 'broadcast',
  reduce: 'reduce',
  alltoall: 'all_to_all',
  sendrecv: 'send_recv',
  gather: 'gather',
  scatter: 'scatter',
};

/** The program in a command line, and what is behind it. */
export const PROGRAM: RegExp = /(?:^|[^A-Za-z0-9_])([a-z]+(?:_[a-z]+)?)_perf\b(.*)$/;

export function operationOf(program: string): MeasuredOperation | undefined {
  return Object.hasOwn(PROGRAMS, program) ? PROGRAMS[program] : undefined;
}

/** The value of an option in arguments: `-R 2`, `-R2`, `--local_register 2`, `--local_register=2`. */
export function argument(args: readonly string[], short: string, long: string): string | undefined {
  for (const [i, arg] of args.entries()) {
    if (arg === short || arg === long) return args[i + 1];
    if (arg.startsWith(`${long}=`)) return arg.slice(long.length + 1);
    if (arg.startsWith(short) && /^\d+$/.test(arg.slice(2))) return arg.slice(2);
  }
  return undefined;
}

/** NCCL picks kernels for symmetric windows only where buffers were registered as such. */
export function algorithmOf(args: readonly string[]): string {
  return argument(args, '-R', '--local_register') === '2' ? 'nccl_symmetric' : 'nccl';
}

/** A row's left part. */
export interface Shape {
  readonly bytes: number;
  readonly count: number;
  readonly dtype: string | undefined;
  /** Absent in columns of old versions. */
  readonly redop: string | undefined;
  readonly root: number | undefined;
}

/** Whether bytes are `count` elements, or so many for each rank: both are printed, by collective and version. */
export function countFits({ bytes, count, dtype }: Shape, worldSize: number): boolean {
  const size = dtype === undefined ? undefined : elementBytes(dtype);
  return size === undefined || bytes === count * size || bytes === count * size * worldSize;
}

/**
 * The collectives that a row may be of, by its columns, when nothing names the program. Whether a rank has all of the message or a part
 * of it shows in the count, and which of the two a collective counts by is what tells most of them apart.
 */
export function candidates(shape: Shape, worldSize: number): MeasuredOperation[] {
  const { bytes, count, dtype, redop, root } = shape;
  const size = dtype === undefined ? undefined : elementBytes(dtype);
  const whole = size === undefined || bytes === count * size;
  const parts = size === undefined || bytes === count * size * worldSize;
  const rooted = root !== undefined && root >= 0;
  const reduces = redop !== undefined && redop !== 'none';
  const found: MeasuredOperation[] = [];
  const add = (fits: boolean, ...operations: MeasuredOperation[]): void => {
    if (fits) found.push(...operations);
  };
  if (rooted) {
    add(whole, reduces ? 'reduce' : 'broadcast');
    add(parts && !reduces, 'gather', 'scatter');
  } else {
    add(whole, ...(reduces ? (['all_reduce', 'send_recv'] as const) : (['send_recv'] as const)));
    add(parts, ...(reduces ? (['reduce_scatter'] as const) : (['all_gather', 'all_to_all'] as const)));
  }
  return found;
}

/** Why a printed time is not read: it is no number, or the bandwidths beside it are not its own. */
export function rateProblem(
  { operation, bytes, worldSize }: Omit<Found, 'us'>,
  time: string,
  algbw: string,
  busbw: string,
): string | undefined {
  if (![time, algbw, busbw].every((text) => PRINTED.test(text)) || Number(time) === 0) {
    return `${quoted(`${time} ${algbw} ${busbw}`)}; expected numbers: us, and GB/s twice`;
  }
  const rate = bytes / Number(time) / 1e3;
  if (!agrees(rate, algbw, time)) {
    return `${bytes} bytes in ${time} us are not ${algbw} GB/s: a number is cut, or the row is of two`;
  }
  const factor = busFactor(operation, worldSize);
  if (factor !== undefined && !agrees(rate * factor, busbw, time)) {
    return `a bus bandwidth of ${busbw} GB/s is not that of ${operation} on ${worldSize} ranks`;
  }
  return undefined;
}
