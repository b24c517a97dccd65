/**
 * @file Norms and quantization. SimplifiedLayerNormalization is ONNX Runtime's, though it stands in ai.onnx's domain.
 */
import { type Dim, isFloating, sameShape } from '../../../ir/type.ts';
import { axisOf, NotUnderstood } from '../shapes.ts';
import type { Site, Tensor } from '../site.ts';
import { dtypeOf } from '../tensor.ts';
import type { Row } from './row.ts';

/** What the weight and the bias of a norm over the last dim must be. */
function rowOf(x: Tensor, row: Tensor, what: string): Tensor {
  const hidden = x.type.shape.at(-1);
  if (row.type.dtype !== x.type.dtype)
    throw new NotUnderstood(`its ${what} is ${row.type.dtype}, and x ${x.type.dtype}`);
  if (row.type.shape.length === 1 && mayBe(row.type.shape[0]!, hidden)) return row;
  throw new NotUnderstood(`its ${what} is [${row.type.shape.join(', ')}]; only [${hidden}] is translated`);
}

function mayBe(a: Dim, b: Dim | undefined): boolean {
  return a === b || typeof a === 'string' || typeof b === 'string';
}

function overLastDim(site: Site): Tensor {
  const x = site.tensor(0);
  const rank = x.type.shape.length;
  if (!isFloating(x.type.dtype)) throw new NotUnderstood(`x is ${x.type.dtype}`);
  if (axisOf(site.number('axis', -1), rank) !== rank - 1) throw new NotUnderstood('it is over several dims');
  // Any other one computes in another precision.
  site.must('stash_type', 1);
  return x;
}

/**
 * ONNX Runtime rounds once, after the weight. The operator of opset 23 says to round before it: its function casts what is normalized back first.
 */
function rmsNorm(castBeforeWeight: boolean): Row {
  return (site) => {
    const x = overLastDim(site);
    const weight = rowOf(x, site.tensor(1), 'scale');
    const operands = {
      x: x.value,
      weight: weight.value,
      epsilon: site.number('epsilon', 1e-5),
      weight_bias: 0,
      cast_before_weight: castBeforeWeight,
    };
    site.give(0, 'rms_norm', operands, x.type.dtype, x.type.shape);
  };
}

/** Outputs: the norm, mean, inverse deviation, and the sum, which is the next residual. */
function skipRmsNorm(site: Site): void {
  const x = site.tensor(0);
  const residual = site.tensor(1);
  if (!isFloating(x.type.dtype)) throw new NotUnderstood(`x is ${x.type.dtype}`);
  if (x.type.shape.length === 0) throw new NotUnderstood('x has no dims');
  if (!sameShape(x.type.shape, residual.type.shape) || x.type.dtype !== residual.type.dtype) {
    throw new NotUnderstood('x and skip differ in shape or type; only those of one shape are translated');
  }
  if (site.has(3)) throw new NotUnderstood('it has a bias, which versions of ONNX Runtime treat differently');
  const operands = {
    x: x.value,
    residual: residual.value,
    weight: rowOf(x, site.tensor(2), 'gamma').value,
    epsilon: site.number('epsilon', 1e-12),
    weight_bias: 0,
    cast_before_weight: false,
  };
  site.giveAll([0, 3], 'add_rms_norm', operands, x.type);
}

function layerNorm(site: Site): void {
  const x = overLastDim(site);
  const weight = rowOf(x, site.tensor(1), 'scale');
  const bias = site.optional(2);
  const operands = {
    x: x.value,
    weight: weight.value,
    bias: bias ? rowOf(x, bias, 'bias').value : null,
    epsilon: site.number('epsilon', 1e-5),
  };
  site.give(0, 'layer_norm', operands, x.type.dtype, x.type.shape);
}

function quantize(site: Site): void {
  const x = site.tensor(0);
  if (!isFloating(x.type.dtype)) throw new NotUnderstood(`x is ${x.type.dtype}`);
  const scale = site.scalar(1);
  if (scale === undefined) throw new NotUnderstood('its scale is no single number that the file holds');
  const zero = site.known(2);
  if (site.has(2) && site.scalar(2) !== 0) throw new NotUnderstood('its zero point is not 0');
  const named = site.number('output_dtype', 0);
  // Codes without a zero point and a type are u8.
  const dtype = named !== 0 ? dtypeOf(named) : zero ? zero.dtype : 'u8';
  if (dtype !== 'f8e4m3' && dtype !== 'i8')
    throw new NotUnderstood(`its codes are ${dtype ?? `of data type ${named}`}`);
  site.must('saturate', 1);
  site.must('block_size', 0);
  site.must('precision', 0);
  // A scale for all has no axis.
  site.ignore('axis');
  site.give(0, 'quantize_static', { x: x.value, scale }, dtype, x.type.shape);
}

export const NORMS: Readonly<Record<string, Row>> = {
  SimplifiedLayerNormalization: rmsNorm(false),
  RMSNormalization: rmsNorm(true),
  LayerNormalization: layerNorm,
  QuantizeLinear: quantize,
  'com.microsoft.SimplifiedLayerNormalization': rmsNorm(false),
  'com.microsoft.SkipSimplifiedLayerNormalization': skipRmsNorm,
};
