/**
 * @file Norms over the last dim.
 */
import type { Operand } from '../../../ir/graph.ts';
import type { Call, Tensor } from '../call.ts';
import type { Row, Rows } from './row.ts';

/** Epsilon where none is given: that of the dtype in which torch computes, which is float32 for half precision too. */
function defaultEpsilon({ type }: Tensor): number {
  return type.dtype === 'f64' ? 2 ** -52 : 2 ** -23;
}

/** torch normalizes over as many dims as `normalized_shape` has; operations here over one. */
function overLastDim(call: Call, x: Tensor): void {
  const shape = call.ints('normalized_shape');
  const size = shape[0];
  if (shape.length !== 1 || x.type.shape.length === 0) call.refuse();
  if (typeof size === 'number' && size !== x.type.shape.at(-1)) call.refuse();
}

/** torch's own: the weight is multiplied in float32, and all is rounded at the end. */
const rmsNorm: Row = (call) => {
  const x = call.tensor('input');
  overLastDim(call, x);
  return call.emit('rms_norm', {
    x,
    weight: call.tensorIf('weight'),
    epsilon: call.constant('eps', defaultEpsilon(x)),
    weight_bias: 0,
    cast_before_weight: false,
  });
};

const layerNorm: Row = (call) => {
  call.ignore('cudnn_enable');
  const x = call.tensor('input');
  overLastDim(call, x);
  return call.emit('layer_norm', {
    x,
    weight: call.tensorIf('weight'),
    bias: call.tensorIf('bias'),
    epsilon: call.constant('eps', 1e-5),
  });
};

/** vLLM's: rounded to the dtype of x before the weight is multiplied. */
function vllmNorm(call: Call, x: Tensor): Readonly<Record<string, Operand>> {
  const weight = call.tensorIf('weight');
  // With a weight of another dtype, versions of vLLM differ in when they round.
  if (weight && weight.type.dtype !== x.type.dtype) call.refuse();
  return { weight, epsilon: call.constant('epsilon'), weight_bias: 0, cast_before_weight: true };
}

export const NORMS: Rows = {
  'aten.rms_norm': rmsNorm,
  'aten._fused_rms_norm': rmsNorm,
  'aten.layer_norm': layerNorm,
  'aten.native_layer_norm': layerNorm,
  'vllm_ir.rms_norm': (call) => {
    const x = call.tensor('x');
    return call.emit('rms_norm', { x, ...vllmNorm(call, x) });
  },
  // vLLM's kernels normalize the sum as it is rounded, and so is the operation here.
  'vllm_ir.fused_add_rms_norm': (call) => {
    const x = call.tensor('x');
    const residual = call.tensor('x_residual');
    return call.emit('add_rms_norm', { x, residual, ...vllmNorm(call, x) }, 2);
  },
};
