/**
 * @file Quantization: the package's references, between tensors. Codes of f8e4m3 and i8 are given as the numbers they stand for, pairs of e2m1 as bytes.
 */
import { CrossoverError } from '../../errors.ts';
import { decodeArray } from '../../tensor/formats/array.ts';
import { ELEMENT_FORMATS } from '../../tensor/formats/element.ts';
import { type QuantizedFormat, quantize, quantizeRounded } from '../../tensor/reference/quantize.ts';
import type { Quantized } from '../../tensor/reference/quantized.ts';
import { checkScale } from '../../tensor/reference/ranks.ts';
import { isTensor, type Tensor } from './array.ts';
import type { Call, Implementation } from './call.ts';
import { rowOf } from './norms.ts';

/** Codes, and scales where the format makes some. */
export function quantized(call: Call, x: Tensor, format: QuantizedFormat): readonly Tensor[] {
  const hidden = rowOf(x);
  const by = call.precision === 'float32' ? quantizeRounded : quantize;
  const scale = format === 'f8e4m3_static' || format === 'nvfp4' ? scaleOf(call) : undefined;
  // Of no elements, any width of rows will do, but 0.
  const made = by(x.values, x.values.length === 0 ? 16 : hidden, format, scale);
  switch (format) {
    case 'f8e4m3_static':
      return [codesOf(made, x.shape)];
    case 'nvfp4':
      if (hidden % 16 !== 0) throw new CrossoverError(`hidden is ${hidden}; nvfp4 needs a multiple of 16`);
      return [codesOf(made, x.shape.with(-1, hidden / 2)), scalesOf(made, x.shape.with(-1, hidden / 16))];
    default: {
      const rows = x.shape.with(-1, 1);
      // Rows without columns have the scale of zeros.
      const scales = hidden === 0 ? ones(rows) : made.scales;
      return [codesOf(made, x.shape), scalesOf({ ...made, scales }, rows)];
    }
  }
}

function ones(shape: readonly number[]): Float64Array {
  return new Float64Array(shape.reduce((product, size) => product * size, 1)).fill(1);
}

function codesOf({ dtype, bytes }: Quantized, shape: readonly number[]): Tensor {
  const values = dtype === 'e2m1x2' ? Float64Array.from(bytes) : decodeArray(dtype, bytes);
  return { dtype, shape, values };
}

function scalesOf({ scaleDtype, scales }: Quantized, shape: readonly number[]): Tensor {
  return { dtype: scaleDtype, shape, values: scales };
}

/** The number, or what a tensor of one element holds. */
function scaleOf(call: Call): number {
  const scale = call.operand('scale');
  return isTensor(scale) ? scale.values[0]! : scale;
}

function quantizeStatic(call: Call): Tensor {
  const x = call.tensor('x');
  const dtype = call.dtype();
  if (dtype === 'f8e4m3')
    return quantized(call, asRow(x), 'f8e4m3_static').map((codes) => ({ ...codes, shape: x.shape }))[0]!;
  if (dtype !== 'i8') throw new CrossoverError(`codes are ${dtype}; use f8e4m3 or i8`);
  // The collectives quantize to i8 by row only, so their reference has no such format: it is f8e4m3_static with other codes.
  const round = call.precision === 'float32' ? Math.fround : (value: number) => value;
  const inverse = round(1 / checkScale(scaleOf(call), 'scale', round));
  const { encode, decode } = ELEMENT_FORMATS.i8;
  return { dtype, shape: x.shape, values: x.values.map((value) => decode(encode(round(value * inverse)))) };
}

/** One scale for all: rows do not matter, and there need be none. */
function asRow(x: Tensor): Tensor {
  return { ...x, shape: [x.values.length] };
}

function quantizeToken(call: Call): readonly Tensor[] {
  const dtype = call.dtype();
  if (dtype === 'f8e4m3' || dtype === 'i8') return quantized(call, call.tensor('x'), `${dtype}_token`);
  throw new CrossoverError(`codes are ${dtype}; use f8e4m3 or i8`);
}

export const QUANTIZE: Readonly<Record<string, Implementation>> = {
  quantize_static: quantizeStatic,
  quantize_token: quantizeToken,
  quantize_nvfp4: (call) => quantized(call, call.tensor('x'), 'nvfp4'),
};
