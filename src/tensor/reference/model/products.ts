/**
 * @file Products with weights [outer, inner], transposed, in float64: plain, of codes with scales, and one a head.
 */
import { tokenCount } from '../ranks.ts';

/**
 * x @ weight^T + bias.
 * @param x [tokens, inner]
 * @param weight [outer, inner]
 * @param bias [outer], or absent
 * @returns [tokens, outer]
 */
export function linear(
  x: Float64Array,
  weight: Float64Array,
  inner: number,
  bias?: ArrayLike<number>,
): Float64Array {
  const tokens = tokenCount(x.length, inner, 'x');
  const outer = tokenCount(weight.length, inner, 'weight');
  const out = new Float64Array(tokens * outer);
  for (let t = 0; t < tokens; t++) {
    for (let o = 0; o < outer; o++) {
      let sum = bias?.[o] ?? 0;
      for (let i = 0; i < inner; i++) sum += x[t * inner + i]! * weight[o * inner + i]!;
      out[t * outer + o] = sum;
    }
  }
  return out;
}

/**
 * The product of codes, times the scale of x and that of the weight.
 * @param xScale of all, or one a token
 */
export function scaledLinear(
  x: Float64Array,
  weight: Float64Array,
  inner: number,
  xScale: ArrayLike<number>,
  weightScale: number,
): Float64Array {
  const outer = weight.length / inner;
  return linear(x, weight, inner).map(
    (value, i) => value * (xScale.length === 1 ? xScale[0]! : xScale[Math.floor(i / outer)]!) * weightScale,
  );
}

/**
 * @param x [tokens, heads, inner]
 * @param weight [heads, outer, inner]
 * @returns [tokens, heads, outer]
 */
export function headLinear(
  x: Float64Array,
  weight: Float64Array,
  heads: number,
  outer: number,
  inner: number,
): Float64Array {
  const rows = x.length / inner;
  const out = new Float64Array(rows * outer);
  for (let row = 0; row < rows; row++) {
    const head = row % heads;
    const own = weight.subarray(head * outer * inner, (head + 1) * outer * inner);
    out.set(linear(x.subarray(row * inner, (row + 1) * inner), own, inner), row * outer);
  }
  return out;
}
