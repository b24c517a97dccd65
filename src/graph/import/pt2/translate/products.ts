/**
 * @file Matrix products and attention.
 */
import type { Operand } from '../../../ir/graph.ts';
import { isFloating, tensorType } from '../../../ir/type.ts';
import type { Call, Tensor } from '../call.ts';
import { isTensor } from './operands.ts';
import type { Row, Rows } from './row.ts';

function matmul(second: string): Row {
  return (call) => call.emit('matmul', { a: call.tensor('self'), b: call.tensor(second) });
}

/** bias + a @ b. With a transposed weight it is what `linear` is, rounded once. */
function biased(first: string, second: string): Row {
  return (call) => {
    if (call.constant('alpha', 1) !== 1 || call.constant('beta', 1) !== 1) call.refuse();
    const bias = call.tensor('self');
    const a = call.tensor(first);
    const b = call.tensor(second);
    const weight = transposed(call, b);
    if (weight && bias.type.shape.length === 1 && bias.type.shape[0] === weight.type.shape[0])
      return call.emit('linear', { x: a, weight, bias });
    const out = call.out();
    // The product is not rounded before the sum.
    const dtype = isFloating(out.dtype) && out.dtype !== 'f64' ? 'f32' : out.dtype;
    return call.emit('add', { a: bias, b: call.step('matmul', { a, b }, tensorType(dtype, out.shape)) });
  };
}

/** What a matrix is the transpose of. */
function transposed(call: Call, x: Tensor): Tensor | undefined {
  const node = call.maker(x);
  if (node?.op !== 'permute' || x.type.shape.length !== 2) return undefined;
  const from: Operand = node.operands.x ?? null;
  return isTensor(from) ? from : undefined;
}

const attention: Row = (call) => {
  // Dropout is for training; some kernels give more than the result, for gradients.
  if (call.constant('dropout_p', 0) !== 0) call.refuse();
  call.ignore('compute_log_sumexp', 'return_debug_mask');
  const mask = call.has('attn_mask') ? call.tensor('attn_mask') : call.tensorIf('attn_bias');
  return call.emit('attention', {
    query: call.tensor('query'),
    key: call.tensor('key'),
    value: call.tensor('value'),
    mask,
    causal: call.flag('is_causal', false),
    scale: call.has('scale') ? call.number('scale') : null,
    grouped: call.flag('enable_gqa', false),
  });
};

export const PRODUCTS: Rows = {
  'aten.mm': matmul('mat2'),
  'aten.bmm': matmul('mat2'),
  'aten.matmul': matmul('other'),
  'aten.mv': matmul('vec'),
  'aten.dot': matmul('tensor'),
  'aten.linear': (call) =>
    call.emit('linear', {
      x: call.tensor('input'),
      weight: call.tensor('weight'),
      bias: call.tensorIf('bias'),
    }),
  'aten.addmm': biased('mat1', 'mat2'),
  'aten.baddbmm': biased('batch1', 'batch2'),
  'aten.scaled_dot_product_attention': attention,
  'aten._scaled_dot_product_flash_attention_for_cpu': attention,
  'aten._scaled_dot_product_flash_attention': attention,
  'aten._scaled_dot_product_efficient_attention': attention,
};
