/**
 * @file Operations in which ranks meet: torch's functional collectives, and vLLM's.
 */
import type { Call } from '../call.ts';
import type { Row, Rows } from './row.ts';

const REDUCTIONS: ReadonlySet<string> = new Set(['sum', 'max', 'min', 'avg']);

function reduceOf(call: Call): string {
  const reduce = call.text('reduce_op').toLowerCase();
  return REDUCTIONS.has(reduce) ? reduce : call.refuse();
}

const allReduce: Row = (call) =>
  call.emit('all_reduce', {
    x: call.tensor('input'),
    reduce: reduceOf(call),
    group: call.text('group_name'),
  });

const allGather: Row = (call) => {
  call.ignore('group_size');
  return call.emit('all_gather', { x: call.tensor('input'), dim: 0, group: call.text('group_name') });
};

const reduceScatter: Row = (call) => {
  call.ignore('group_size');
  const x = call.tensor('input');
  return call.emit('reduce_scatter', { x, dim: 0, reduce: reduceOf(call), group: call.text('group_name') });
};

const broadcast: Row = (call) =>
  call.emit('broadcast', {
    x: call.tensor('input'),
    root: call.constantInt('src'),
    group: call.text('group_name'),
  });

const FUNCTIONAL: Rows = {
  all_reduce: allReduce,
  all_gather_into_tensor: allGather,
  reduce_scatter_tensor: reduceScatter,
  broadcast,
};

export const COLLECTIVES: Rows = {
  ...Object.fromEntries(
    ['_c10d_functional', '_c10d_functional_autograd'].flatMap((namespace) =>
      Object.entries(FUNCTIONAL).map(([name, row]) => [`${namespace}.${name}`, row]),
    ),
  ),
  // Sums over the ranks of tensor parallelism.
  'vllm.all_reduce': (call) =>
    call.emit('all_reduce', { x: call.tensor('tensor'), reduce: 'sum', group: call.text('group_name') }),
  'vllm.all_gather': (call) => {
    call.ignore('world_size');
    const x = call.tensor('tensor');
    const dim = call.dim('dim', x.type.shape.length);
    return call.emit('all_gather', { x, dim, group: call.text('group_name') });
  },
  'vllm.reduce_scatter': (call) => {
    call.ignore('world_size');
    const x = call.tensor('tensor');
    const dim = call.dim('dim', x.type.shape.length);
    return call.emit('reduce_scatter', { x, dim, reduce: 'sum', group: call.text('group_name') });
  },
};
