/**
 * @file Values that several sources print in several ways: element types, times, and numbers that were rounded when they were printed.
 */

const DTYPE_NAMES: Readonly<Record<string, string>> = {
  float: 'f32',
  float32: 'f32',
  fp32: 'f32',
  half: 'f16',
  float16: 'f16',
  fp16: 'f16',
  bfloat16: 'bf16',
  bfloat: 'bf16',
  double: 'f64',
  float64: 'f64',
  int8: 'i8',
  uint8: 'u8',
  int32: 'i32',
  uint32: 'u32',
  int64: 'i64',
  uint64: 'u64',
  fp8_e4m3: 'f8e4m3',
  float8_e4m3: 'f8e4m3',
  float8_e4m3fn: 'f8e4m3',
  fp8_e5m2: 'f8e5m2',
  float8_e5m2: 'f8e5m2',
};

const DTYPE_BYTES: Readonly<Record<string, number>> = {
  f64: 8,
  i64: 8,
  u64: 8,
  f32: 4,
  i32: 4,
  u32: 4,
  bf16: 2,
  f16: 2,
  i8: 1,
  u8: 1,
  f8e4m3: 1,
  f8e5m2: 1,
};

/** The name that element types have here; as it is where it is none of ours. */
export function dtypeName(text: string): string {
  const bare = text.trim().replace(/^torch\./, '');
  return Object.hasOwn(DTYPE_NAMES, bare) ? DTYPE_NAMES[bare]! : bare;
}

/** Bytes an element, of types by the names that they have here. */
export function elementBytes(dtype: string): number | undefined {
  return Object.hasOwn(DTYPE_BYTES, dtype) ? DTYPE_BYTES[dtype] : undefined;
}

/** us of ms, without the digits that only the conversion made: 0.029 ms is 29 us, not 29.000000000000004. */
export function fromMilliseconds(ms: number): number {
  return Number((ms * 1e3).toPrecision(15));
}

/** `2.28.3` of 22803, as NCCL numbers its versions; up to 2.8 they had a digit less. */
export function ncclVersion(code: number): string | undefined {
  if (!Number.isSafeInteger(code) || code < 1000) return undefined;
  const major = code < 10_000 ? 1000 : 10_000;
  return `${Math.floor(code / major)}.${Math.floor((code % major) / 100)}.${code % 100}`;
}

/** A number as programs print times and rates: no sign. */
export const PRINTED: RegExp = /^\d+(?:\.\d+)?(?:e[+-]?\d+)?$/i;

/** What the last digit of a printed number stands for: 0.01 of `20.25`, 1e5 of `1.2e+06`. */
export function lastDigit(printed: string): number {
  const [mantissa, exponent] = printed.toLowerCase().split('e');
  const decimals = mantissa!.includes('.') ? mantissa!.length - mantissa!.indexOf('.') - 1 : 0;
  return 10 ** (Number(exponent ?? 0) - decimals);
}

/**
 * Whether a rate computed from a printed time may be the rate that was printed beside it: both were rounded, neither was cut.
 * @param rate of the time as it was printed
 */
export function agrees(rate: number, printedRate: string, printedTime: string): boolean {
  const slack =
    0.501 * lastDigit(printedRate) + (rate * 0.501 * lastDigit(printedTime)) / Number(printedTime);
  return Math.abs(rate - Number(printedRate)) <= slack;
}

/** Whether bytes may be what was printed as so many MB (2^20), with two decimals. */
export function isMegabytes(bytes: number, printed: string): boolean {
  return Math.abs(bytes / 2 ** 20 - Number(printed)) <= 0.501 * lastDigit(printed);
}
