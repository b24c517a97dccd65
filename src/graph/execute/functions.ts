/**
 * @file Functions of one number that JavaScript lacks, or has differently from torch.
 */

const TWO_OVER_SQRT_PI: number = 2 / Math.sqrt(Math.PI);

/** Where the error function is 1 in float64. */
const ERF_ONE = 6;

/**
 * The error function, within a few ulp of float64: 2/sqrt(pi) exp(-x^2) sum of 2^n x^(2n+1) / (1 * 3 * ... (2n+1)), whose terms are all of one sign.
 */
export function erf(x: number): number {
  if (Number.isNaN(x)) return x;
  const square = x * x;
  if (square >= ERF_ONE * ERF_ONE) return Math.sign(x);
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > Math.abs(sum) * 2 ** -54; n++) {
    term *= (2 * square) / (2 * n + 1);
    sum += term;
  }
  return TWO_OVER_SQRT_PI * Math.exp(-square) * sum;
}

/** To the nearest whole number, ties to even. */
export function roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  const above = x - floor;
  if (above === 0.5) return floor % 2 === 0 ? floor : floor + 1;
  return above < 0.5 ? floor : floor + 1;
}

/** C's pow, which torch has: 1 to any power is 1, and so is -1 to an infinite one, where JavaScript gives NaN. */
export function pow(base: number, exponent: number): number {
  if (base === 1 || (base === -1 && Math.abs(exponent) === Number.POSITIVE_INFINITY)) return 1;
  return base ** exponent;
}

/** Power of whole numbers modulo 2^64, as a signed number; exact, where a float64 power is not. Negative exponents: of 1 and -1 only, else 0. */
export function integerPow(base: number, exponent: number): number {
  if (!Number.isInteger(base) || !Number.isInteger(exponent)) return pow(base, exponent);
  if (exponent < 0) {
    if (base === -1) return exponent % 2 === 0 ? 1 : -1;
    return base === 1 ? 1 : 0;
  }
  let result = 1n;
  let square = BigInt(base);
  for (let bits = BigInt(exponent); bits > 0n; bits >>= 1n) {
    if (bits & 1n) result = BigInt.asIntN(64, result * square);
    square = BigInt.asIntN(64, square * square);
  }
  return Number(result);
}

export function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

export function silu(x: number): number {
  return x / (1 + Math.exp(-x));
}

/** By the error function. */
export function gelu(x: number): number {
  return 0.5 * x * (1 + erf(x * Math.SQRT1_2));
}

/** The approximation by tanh. */
export function geluTanh(x: number): number {
  return 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
}
