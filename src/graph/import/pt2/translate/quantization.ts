/**
 * @file Quantization as torch's exporters write it, where it is one operation: symmetric, over the whole range of the dtype.
 */
import { type GraphDType, tensorType } from '../../../ir/type.ts';
import type { Call } from '../call.ts';
import type { Row, Rows } from './row.ts';

/** Smallest and largest codes of the dtypes that `quantize_static` makes. */
const RANGES: Partial<Record<GraphDType, readonly [number, number]>> = {
  i8: [-128, 127],
  f8e4m3: [-448, 448],
};

function isSymmetric(call: Call, dtype: GraphDType): boolean {
  const range = RANGES[dtype];
  const zero = call.constant('zero_point');
  return zero === 0 && range?.[0] === call.constant('quant_min') && range[1] === call.constant('quant_max');
}

const quantize: Row = (call) => {
  call.ignore('dtype');
  if (!isSymmetric(call, call.out().dtype)) call.refuse();
  return call.emit('quantize_static', { x: call.tensor('input'), scale: call.operand('scale') });
};

/** (codes - zero point) * scale, in float32. */
const dequantize: Row = (call) => {
  call.ignore('dtype', 'out_dtype', 'quant_min', 'quant_max');
  const x = call.tensor('input');
  if (call.constant('zero_point') !== 0) call.refuse();
  const wide = call.step('cast', { x }, tensorType('f32', x.type.shape));
  return call.emit('mul', { a: wide, b: call.operand('scale') });
};

export const QUANTIZATION: Rows = {
  'quantized_decomposed.quantize_per_tensor': quantize,
  'quantized_decomposed.dequantize_per_tensor': dequantize,
};
