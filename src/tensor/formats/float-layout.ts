/**
 * @file What binary floating-point formats have in common: a magnitude is a whole number of quanta, and its code counts
 * the representable magnitudes below it. With e the exponent of the binade (never below `minExponent`) the quantum is
 * 2^(e - mantissaBits), so code = ((e - minExponent) << mantissaBits) + quanta holds for subnormals, for normals, and
 * for a value that rounds up into the next binade. Rounding is therefore one rounding to a whole number, in float64.
 */

/** The shape of a sign-magnitude binary format with an implicit leading bit and gradual underflow. */
export interface FloatLayout {
  /** Stored bits of the mantissa, without the implicit one. */
  readonly mantissaBits: number;
  /** Exponent of the smallest normal number; subnormals share its quantum. */
  readonly minExponent: number;
  /** Largest finite magnitude. */
  readonly max: number;
}

const scratch = new Float64Array(1);
const words = new Uint32Array(scratch.buffer);
/** Index of the word that holds sign and exponent of a float64: 1 on little-endian hosts. */
const HIGH = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 1 : 0;

/** Adding and subtracting 2^52 leaves a float64 in [0, 2^52) rounded to a whole number, ties to even. */
const TO_WHOLE = 2 ** 52;

/** floor(log2(magnitude)) of a finite magnitude, or `minExponent` where that is larger (also for 0). */
export function binadeExponent(magnitude: number, minExponent: number): number {
  scratch[0] = magnitude;
  return Math.max(((words[HIGH]! >>> 20) & 0x7ff) - 1023, minExponent);
}

/** 2^exponent, exact, for exponents of normal float64 numbers (-1022 to 1023). */
export function powerOfTwo(exponent: number): number {
  words[HIGH] = (exponent + 1023) << 20;
  words[1 - HIGH] = 0;
  return scratch[0]!;
}

/**
 * Code of a finite non-negative magnitude, rounded once to nearest, ties to even.
 * Nothing is known here of the largest code: beyond `max` codes go on counting, and the caller cuts them off.
 */
export function encodeMagnitude(magnitude: number, layout: FloatLayout): number {
  const { mantissaBits, minExponent } = layout;
  const exponent = binadeExponent(magnitude, minExponent);
  // Exact: the product lies in [2^mantissaBits, 2^(mantissaBits + 1)), or, in the lowest binade and below it, the factor is
  // above 1. Nothing overflows and nothing underflows, so the next line is the only rounding.
  const quanta = magnitude * powerOfTwo(mantissaBits - exponent);
  return ((exponent - minExponent) << mantissaBits) + (quanta + TO_WHOLE - TO_WHOLE);
}

/** Magnitude of a code that stands for a finite number; exact. */
export function decodeMagnitude(code: number, layout: FloatLayout): number {
  const { mantissaBits, minExponent } = layout;
  const biased = code >>> mantissaBits;
  const fraction = code & ((1 << mantissaBits) - 1);
  if (biased === 0) return fraction * powerOfTwo(minExponent - mantissaBits);
  return (fraction + (1 << mantissaBits)) * powerOfTwo(biased - 1 + minExponent - mantissaBits);
}

/** Whether the sign bit of a number that is not NaN is set: true for negative numbers and for -0. */
export function isNegative(value: number): boolean {
  return value < 0 || Object.is(value, -0);
}
