/**
 * @file Products of a model: linear, of scaled f8e4m3 codes, a head, and an expert. Operands lie in the order of COMPUTE in src/engine/compute.ts.
 */
import { product } from './product';

@unmanaged
export class Linear {
  kernel: u32;
  out: usize;
  x: usize;
  weight: usize;
  bias: usize;
  tokens: u32;
  outer: u32;
  inner: u32;
}

export function linear(c: Linear): void {
  product<u16>(c.out, c.outer << 1, c.x, c.inner << 1, c.weight, c.bias, c.tokens, 0, 1, c.outer, c.inner, 0, 1);
}

@unmanaged
export class ScaledLinear {
  kernel: u32;
  out: usize;
  x: usize;
  weight: usize;
  xScale: usize;
  weightScale: usize;
  tokens: u32;
  outer: u32;
  inner: u32;
  scalePerToken: u32;
}

export function scaledLinear(c: ScaledLinear): void {
  if (!c.tokens) return;
  let scales = c.scalePerToken ? c.xScale : 0;
  let factor = load<f32>(c.weightScale);
  if (!scales) factor *= load<f32>(c.xScale);
  product<u8>(c.out, c.outer << 1, c.x, c.inner, c.weight, 0, c.tokens, 0, 1, c.outer, c.inner, scales, factor);
}

@unmanaged
export class HeadLinear {
  kernel: u32;
  out: usize;
  x: usize;
  weight: usize;
  tokens: u32;
  heads: u32;
  outer: u32;
  inner: u32;
}

export function headLinear(c: HeadLinear): void {
  let outBytes = c.outer << 1, xBytes = c.inner << 1;
  for (let h: u32 = 0; h < c.heads; h++) {
    product<u16>(
      c.out + h * outBytes, c.heads * outBytes, c.x + h * xBytes, c.heads * xBytes,
      c.weight + h * c.outer * xBytes, 0, c.tokens, 0, 1, c.outer, c.inner, 0, 1,
    );
  }
}

@unmanaged
export class ExpertLinear {
  kernel: u32;
  out: usize;
  x: usize;
  weight: usize;
  order: usize;
  offsets: usize;
  tokens: u32;
  choices: u32;
  count: u32;
  outer: u32;
  inner: u32;
  pairs: u32;
  experts: u32;
}

export function expertLinear(c: ExpertLinear): void {
  if (!c.tokens) return;
  let divisor = c.pairs ? 1 : c.choices;
  for (let e: u32 = 0; e < c.count; e++) {
    let begin = load<u32>(c.offsets + (e << 2));
    let end = load<u32>(c.offsets + (e << 2) + 4);
    product<u16>(
      c.out, c.outer << 1, c.x, c.inner << 1, c.weight + e * c.outer * (c.inner << 1), 0,
      end - begin, c.order + (begin << 2), divisor, c.outer, c.inner, 0, 1,
    );
  }
}
