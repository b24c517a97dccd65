/**
 * @file All-reduce chains as people's models have them, made with the builder: one function a spelling, with switches for what tests change.
 */
import type { GraphBuilder } from '../../../dist/graph/build/builder.js';
import type { Value } from '../../../dist/graph/ir/graph.js';
import type { Dim, GraphDType } from '../../../dist/graph/ir/type.js';

/** Spellings of x -> RMSNorm(x) * weight. */
export const NORM_SPELLINGS = {
  /** Hugging Face's LlamaRMSNorm: weight times the cast. */
  llama: (g, h, w) => g.mul(w, back(g, g.mul(wide(g, h), root(g, wide(g, h))), h)),
  'llama, weight on the right': (g, h, w) => g.mul(back(g, g.mul(root(g, wide(g, h)), wide(g, h)), h), w),
  /** torch.nn.functional.rms_norm after run_decompositions(). */
  decomposed: (g, h, w) => back(g, g.mul(g.mul(wide(g, h), root(g, wide(g, h))), w), h),
  'weight cast first': (g, h, w) => back(g, g.mul(g.mul(wide(g, h), root(g, wide(g, h))), wide(g, w)), h),
  gemma: (g, h, w) => back(g, g.mul(g.mul(wide(g, h), root(g, wide(g, h))), g.add(wide(g, w), 1)), h),
  'gemma, one first': (g, h, w) =>
    back(g, g.mul(g.add(1, wide(g, w)), g.mul(wide(g, h), root(g, wide(g, h)))), h),
  'square as a product': (g, h, w) => {
    const x = wide(g, h);
    const mean = g.reduce('mean', g.mul(x, x), [rankOf(h) - 1], true);
    return g.mul(w, back(g, g.mul(x, g.unary('rsqrt', g.add(1e-6, mean))), h));
  },
  'reciprocal of the root': (g, h, w) => {
    const x = wide(g, h);
    const sqrt = g.unary('sqrt', g.add(meanOfSquares(g, x), 1e-6));
    return g.mul(w, back(g, g.mul(x, g.unary('reciprocal', sqrt)), h));
  },
  'one operation': (g, h, w) => g.rmsNorm(h, w),
  'one operation, weight after the cast': (g, h, w) => g.rmsNorm(h, w, { castBeforeWeight: true }),
  'no weight': (g, h) => back(g, g.mul(wide(g, h), root(g, wide(g, h))), h),
} satisfies Record<string, (g: GraphBuilder, h: Value, w: Value) => Value>;

export type NormSpelling = keyof typeof NORM_SPELLINGS;

/** Spellings of quantizations of n, with codes and scales, and the name of what they are. */
export const QUANTIZATION_SPELLINGS = {
  'static, times reciprocal': [
    'f8e4m3_static',
    (g, n) => ({ codes: g.cast(g.clamp(g.mul(wide(g, n), 1 / 0.25), -448, 448), 'f8e4m3') }),
  ],
  'static, divided': [
    'f8e4m3_static',
    (g, n) => ({ codes: g.cast(g.clamp(g.binary('div', wide(g, n), 0.25), -448, 448), 'f8e4m3') }),
  ],
  'static, min and max': [
    'f8e4m3_static',
    (g, n) => {
      const scaled = g.mul(4, wide(g, n));
      return { codes: g.cast(g.binary('minimum', g.binary('maximum', scaled, -448), 448), 'f8e4m3') };
    },
  ],
  'static, one operation': ['f8e4m3_static', (g, n) => g.quantize(n, 'f8e4m3_static', 0.25)],
  'token f8, reciprocal': [
    'f8e4m3_token',
    (g, n) => {
      const scales = g.binary('div', magnitude(g, n), 448);
      const codes = g.mul(wide(g, n), g.unary('reciprocal', scales));
      return { codes: g.cast(g.clamp(codes, -448, 448), 'f8e4m3'), scales };
    },
  ],
  'token f8, divided, bounded': [
    'f8e4m3_token',
    (g, n) => {
      const scales = g.mul(g.clamp(magnitude(g, n), 1e-12, null), 1 / 448);
      return { codes: g.cast(g.clamp(g.binary('div', wide(g, n), scales), -448, 448), 'f8e4m3'), scales };
    },
  ],
  'token f8, one operation': ['f8e4m3_token', (g, n) => g.quantize(n, 'f8e4m3_token')],
  'token i8': [
    'i8_token',
    (g, n) => {
      const scales = g.binary('div', magnitude(g, n), 127);
      const codes = g.unary('round', g.mul(g.unary('reciprocal', scales), wide(g, n)));
      return { codes: g.cast(g.clamp(codes, -128, 127), 'i8'), scales };
    },
  ],
  'token i8, one operation': ['i8_token', (g, n) => g.quantize(n, 'i8_token')],
  'nvfp4, one operation': ['nvfp4', (g, n) => g.quantize(n, 'nvfp4', 2)],
} satisfies Record<string, [name: string, (g: GraphBuilder, n: Value) => { codes: Value; scales?: Value }]>;

export type QuantizationSpelling = keyof typeof QUANTIZATION_SPELLINGS;

/** What tests build: a part of a model with inputs `x` and `residual` [tokens, hidden] and `weight` [hidden]. */
export interface Chain {
  readonly x: Value;
  readonly residual: Value;
  readonly weight: Value;
}

export function chainInputs(g: GraphBuilder, dtype: 'f32' | 'f16' | 'bf16', shape: readonly Dim[]): Chain {
  const hidden = shape.at(-1) as number;
  return {
    x: g.input('x', dtype, shape),
    residual: g.input('residual', dtype, shape),
    weight: g.weight(
      'weight',
      dtype,
      [hidden],
      Float64Array.from({ length: hidden }, (_, i) => 0.5 + ((i * 7) % 11) / 8),
    ),
  };
}

function wide(g: GraphBuilder, x: Value): Value {
  return dtypeOf(x) === 'f32' ? x : g.cast(x, 'f32');
}

function back(g: GraphBuilder, x: Value, like: Value): Value {
  return dtypeOf(like) === 'f32' ? x : g.cast(x, dtypeOf(like));
}

function root(g: GraphBuilder, x: Value): Value {
  return g.unary('rsqrt', g.add(meanOfSquares(g, x), 1e-6));
}

function meanOfSquares(g: GraphBuilder, x: Value): Value {
  return g.reduce('mean', g.binary('pow', x, 2), [-1], true);
}

function magnitude(g: GraphBuilder, n: Value): Value {
  return wide(g, g.reduce('amax', g.unary('abs', n), [-1], true));
}

function rankOf(x: Value): number {
  return x.type.kind === 'tensor' ? x.type.shape.length : 0;
}

function dtypeOf(x: Value): GraphDType {
  return x.type.kind === 'tensor' ? x.type.dtype : 'f32';
}
