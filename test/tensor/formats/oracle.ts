/**
 * @file An independent definition of the small float formats, written from their specifications for the tests: decoding
 * reads the bits as a string of binary digits, encoding searches the sorted list of all numbers for the nearest one.
 * Nothing here is shared with what it checks.
 */

export interface FormatSpec {
  readonly name: string;
  readonly exponentBits: number;
  readonly mantissaBits: number;
  readonly bias: number;
  /** `ieee`: all exponent bits set are infinity and NaN. `e4m3fn`: only all bits set are NaN. `none`: every code is finite. */
  readonly specials: 'ieee' | 'e4m3fn' | 'none';
  /** What encoding makes of NaN. */
  readonly nan: number;
}

export const F16: FormatSpec = {
  name: 'f16',
  exponentBits: 5,
  mantissaBits: 10,
  bias: 15,
  specials: 'ieee',
  nan: 0x7e00,
};
export const BF16: FormatSpec = {
  name: 'bf16',
  exponentBits: 8,
  mantissaBits: 7,
  bias: 127,
  specials: 'ieee',
  nan: 0x7fc0,
};
export const F8E4M3: FormatSpec = {
  name: 'f8e4m3',
  exponentBits: 4,
  mantissaBits: 3,
  bias: 7,
  specials: 'e4m3fn',
  nan: 0x7f,
};
export const E2M1: FormatSpec = {
  name: 'e2m1',
  exponentBits: 2,
  mantissaBits: 1,
  bias: 1,
  specials: 'none',
  nan: 0x7,
};

export function codeCount(spec: FormatSpec): number {
  return 2 ** (1 + spec.exponentBits + spec.mantissaBits);
}

/** The number that a code stands for, digit by digit. */
export function valueOfCode(spec: FormatSpec, code: number): number {
  const digits = code.toString(2).padStart(1 + spec.exponentBits + spec.mantissaBits, '0');
  const exponent = digits.slice(1, 1 + spec.exponentBits);
  const mantissa = digits.slice(1 + spec.exponentBits);
  const sign = digits.startsWith('1') ? -1 : 1;
  const allSet = !exponent.includes('0');
  if (spec.specials === 'ieee' && allSet)
    return mantissa.includes('1') ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  if (spec.specials === 'e4m3fn' && allSet && !mantissa.includes('0')) return Number.NaN;
  let value = Number.parseInt((exponent.includes('1') ? '1' : '0') + mantissa, 2);
  let steps = Math.max(Number.parseInt(exponent, 2), 1) - spec.bias - spec.mantissaBits;
  for (; steps > 0; steps--) value *= 2;
  for (; steps < 0; steps++) value /= 2;
  return sign * value;
}

/** All finite numbers that are not negative, in the order of their codes, which is their order by size. */
export function positiveValues(spec: FormatSpec): number[] {
  const values: number[] = [];
  for (let code = 0; code < codeCount(spec) / 2; code++) {
    const value = valueOfCode(spec, code);
    if (Number.isFinite(value)) values.push(value);
  }
  return values;
}

/** Where rounding turns into overflow: halfway between the largest number and the one that would follow it. */
export function overflowAt(spec: FormatSpec): number {
  const values = positiveValues(spec);
  const last = values.length - 1;
  return values[last]! + (values[last]! - values[last - 1]!) / 2;
}

/** An encoder that searches: nearest number, the even code on a tie, infinity or saturation beyond the range. */
export function nearestEncoder(spec: FormatSpec): (value: number) => number {
  const values = positiveValues(spec);
  const overflow = overflowAt(spec);
  return (value) => {
    if (Number.isNaN(value)) return spec.nan;
    const sign = value < 0 || 1 / value < 0 ? codeCount(spec) / 2 : 0;
    const magnitude = value < 0 ? -value : value;
    if (magnitude >= overflow) return sign + (spec.specials === 'ieee' ? values.length : values.length - 1);
    let low = 0;
    let high = values.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (values[middle]! <= magnitude) low = middle;
      else high = middle - 1;
    }
    if (low === values.length - 1) return sign + low;
    // Sums and halves of neighbours are exact in float64.
    const middle = (values[low]! + values[low + 1]!) / 2;
    if (magnitude === middle) return sign + (low % 2 === 0 ? low : low + 1);
    return sign + (magnitude < middle ? low : low + 1);
  };
}

const number = new Float64Array(1);
const bits = new BigInt64Array(number.buffer);

/** The float64 next to a positive finite one, `steps` away. */
export function neighbour(value: number, steps: 1 | -1): number {
  number[0] = value;
  bits[0] = bits[0]! + BigInt(steps);
  return number[0];
}

/** The float64 with these 64 bits. */
export function fromBits(value: bigint): number {
  bits[0] = BigInt.asIntN(64, value);
  return number[0]!;
}
