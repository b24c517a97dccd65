/**
 * @file Operations that take parts of tensors, or put tensors together: slices, splits, concatenations, look-ups.
 */
import type { Operand } from '../../../ir/graph.ts';
import { type Dim, tensorType } from '../../../ir/type.ts';
import type { Call, Results, Tensor } from '../call.ts';
import type { Row, Rows } from './row.ts';

/** A position behind the end of every tensor. */
const END: number = Number.MAX_SAFE_INTEGER;

/** A position without what lies beyond the tensor: files have 2^63 - 1 for its end. */
function clamped(position: Operand, size: Dim): Operand {
  if (typeof position !== 'number') return position;
  return Math.min(position, typeof size === 'number' ? size : END);
}

const slice: Row = (call) => {
  const x = call.tensor('self');
  const dim = call.dim('dim', x.type.shape.length, 0);
  const size = x.type.shape[dim]!;
  const start = clamped(call.int('start', 0), size);
  const end = clamped(call.int('end', END), size);
  const step = call.int('step', 1);
  return start === 0 && step === 1
    ? call.emitUnlessSame(x, 'slice', { x, dim, start, end, step })
    : call.emit('slice', { x, dim, start, end, step });
};

const narrow: Row = (call) => {
  const x = call.tensor('self');
  const dim = call.dim('dim', x.type.shape.length);
  const start = call.constantInt('start');
  const length = call.constantInt('length');
  // From the end, start + length may be 0, which is the beginning.
  const end = start < 0 && start + length === 0 ? clamped(END, x.type.shape[dim]!) : start + length;
  return call.emitUnlessSame(x, 'slice', { x, dim, start, end, step: 1 });
};

/** Neighbouring slices, as long as the file declares the outputs to be. */
function split(...ignored: readonly string[]): Row {
  return (call) => {
    call.ignore(...ignored);
    const x = call.tensor('self');
    const dim = call.dim('dim', x.type.shape.length, 0);
    let start = 0;
    return Array.from({ length: call.outputs }, (_, i) => {
      const size = call.out(i).shape[dim];
      if (typeof size !== 'number') return call.refuse();
      start += size;
      return call.emitOutput(i, 'slice', { x, dim, start: start - size, end: start, step: 1 });
    });
  };
}

const unbind: Row = (call) => {
  const x = call.tensor('self');
  const dim = call.dim('dim', x.type.shape.length, 0);
  return Array.from({ length: call.outputs }, (_, index) =>
    call.emitOutput(index, 'select', { x, dim, index }),
  );
};

const cat: Row = (call) => {
  const xs = call.tensors('tensors');
  if (xs.length === 0) call.refuse();
  return call.emit('cat', { xs, dim: call.dim('dim', call.out().shape.length, 0) });
};

const stack: Row = (call) => {
  const xs = call.tensors('tensors');
  const rank = call.out().shape.length;
  const dim = call.dim('dim', rank, 0);
  if (xs.length === 0) call.refuse();
  return call.emit('cat', { xs: xs.map((x) => withDim(call, x, dim)), dim });
};

function withDim(call: Call, x: Tensor, dim: number): Tensor {
  const shape = x.type.shape.toSpliced(dim, 0, 1);
  return call.step('reshape', { x, shape: call.sizes(shape, [x], true) }, tensorType(x.type.dtype, shape));
}

/** Masks as indices make as many elements as they hold, which no operation here does. */
function index(call: Call, indices: readonly (Tensor | null)[]): Results {
  for (const one of indices) if (one && !/^[iu]\d+$/.test(one.type.dtype)) call.refuse();
  if (indices.some((one) => one?.type.dtype === 'u8')) call.refuse();
  return call.emit('index', { x: call.tensor('self'), indices });
}

export const PARTS: Rows = {
  'aten.slice': slice,
  'aten.narrow': narrow,
  'aten.select': (call) => {
    const x = call.tensor('self');
    return call.emit('select', { x, dim: call.dim('dim', x.type.shape.length), index: call.int('index') });
  },
  'aten.split': split('split_size', 'split_sizes'),
  'aten.split_with_sizes': split('split_sizes'),
  'aten.unsafe_split': split('split_size'),
  'aten.chunk': split('chunks'),
  'aten.tensor_split': split('sections', 'indices'),
  'aten.unbind': unbind,
  'aten.cat': cat,
  'aten.concat': cat,
  'aten.concatenate': cat,
  'aten.stack': stack,
  'aten.index': (call) => index(call, call.indices('indices')),
  'aten.index_select': (call) => {
    const dim = call.dim('dim', call.tensor('self').type.shape.length);
    return index(call, [...new Array<null>(dim).fill(null), call.tensor('index')]);
  },
  'aten.gather': (call) => {
    call.ignore('sparse_grad');
    const x = call.tensor('self');
    return call.emit('gather', { x, dim: call.dim('dim', x.type.shape.length), index: call.tensor('index') });
  },
  'aten.embedding': (call) => {
    // What these say is about gradients.
    call.ignore('padding_idx', 'scale_grad_by_freq', 'sparse');
    return call.emit('embedding', { weight: call.tensor('weight'), indices: call.tensor('indices') });
  },
};
