/**
 * @file What all-reduce, all-gather, reduce-scatter, broadcast, add and the choice of algorithms refuse.
 */
import { createCommunicator } from '../../../dist/collective/create.js';
import type { Group } from '../../../dist/group/group.js';
import type { Tensor } from '../../../dist/memory/tensor.js';
import type { Operation, ReduceOp } from '../../../dist/operations.js';
import type { DType } from '../../../dist/tensor/dtype.js';
import type { ProgramData } from '../support/engines.ts';
import { type Refusal, refuseAll } from '../support/refusals.ts';
import { type Report, Session } from '../support/session.ts';

export default function refusals(group: Group, _args: string[], data: ProgramData): Report {
  const session = Session.open(group, data);
  const { comm } = session;
  const other = createCommunicator(group, { plan: null, engine: data.engine, arenaBytes: 65536 });
  const foreign = other.empty('f32', [8]);
  const closed = createCommunicator(group, { plan: null, engine: data.engine, arenaBytes: 65536 });
  closed.close();
  closed.close();

  const x = comm.empty('f32', [2, 8]);
  const y = comm.empty('f32', [16]);
  const h = comm.empty('f16', [16]);
  const part = comm.empty('f32', [8]);
  const small = comm.empty('i8', [16]);
  const freed = comm.empty('f32', [4, 4]);
  const viewOfFreed = freed.view(4, [4]);
  freed.free();
  freed.free();
  const request = { operation: 'all_reduce', dtype: 'f32', worldSize: comm.worldSize, bytes: 64 } as const;
  const gather = comm.choose({ ...request, operation: 'all_gather' }, 'direct');
  const foreignMessage =
    "is not in this communicator's symmetric heap; allocate it with comm.empty(dtype, shape) or comm.tensor(dtype, shape, values)";
  const apart = 'they must be apart';

  const table: Refusal[] = [
    // tensors
    [`x ${foreignMessage}`, () => comm.allReduce(foreign)],
    [`out ${foreignMessage}`, () => comm.allReduce(part, { out: foreign })],
    [`x ${foreignMessage}`, () => comm.allReduce({ dtype: 'f32', shape: [1] } as unknown as Tensor)],
    [`x ${foreignMessage}`, () => comm.allGather(undefined as unknown as Tensor, y)],
    [`out ${foreignMessage}`, () => comm.reduceScatter(y, null as unknown as Tensor)],
    ['x [4, 4] was freed', () => comm.allReduce(freed)],
    ['x [4] was freed', () => comm.broadcast(viewOfFreed)],
    ['out [4] was freed', () => comm.allReduce(y.view(0, [4]), { out: viewOfFreed })],
    // dtypes
    ['x has dtype i8, which is not reduced; use one of f32, f16, bf16', () => comm.allReduce(small)],
    ['x has dtype i8, which is not reduced', () => comm.reduceScatter(small, small.view(0, [8]))],
    ['x has dtype i8, which is not reduced', () => comm.add(small, small, small)],
    ['out has dtype f16, x has f32; they must be equal', () => comm.allReduce(y, { out: h })],
    ['out has dtype f16, x has f32', () => comm.allGather(part, h)],
    ['out has dtype f16, x has f32', () => comm.reduceScatter(y, h)],
    ['out has dtype f32, x has f16', () => comm.broadcast(h, 0, { out: y })],
    ['y has dtype f16, x has f32', () => comm.add(y, h, y)],
    ['out has dtype f16, x has f32', () => comm.add(y, x, h)],
    // counts
    ['out [8] has 8 elements, must have 16 (as x [2, 8])', () => comm.allReduce(x, { out: part })],
    ['out [16] has 16 elements, must have 32 (2 ranks times x [2, 8])', () => comm.allGather(x, y)],
    ['x [8] has 8 elements, must have 32 (2 ranks times out [16])', () => comm.reduceScatter(part, y)],
    ['out [8] has 8 elements, must have 16 (as x [2, 8])', () => comm.broadcast(x, 0, { out: part })],
    ['y [8] has 8 elements, must have 16 (as x [2, 8])', () => comm.add(x, part, x)],
    // overlaps
    [
      'x and out overlap by part; use the same tensor, or two that are apart',
      () => comm.allReduce(y.view(0, [8]), { out: y.view(7, [8]) }),
    ],
    ['x and out overlap by part', () => comm.broadcast(y.view(1, [8]), 0, { out: y.view(0, [8]) })],
    ['x and out overlap by part', () => comm.add(y.view(0, [8]), part, y.view(1, [8]))],
    ['y and out overlap by part', () => comm.add(part, y.view(0, [8]), y.view(1, [8]))],
    [`x and out overlap; ${apart}`, () => comm.allGather(y.view(4, [8]), y)],
    [`x and out overlap; ${apart}`, () => comm.allGather(y.view((1 - comm.rank) * 8, [8]), y)],
    [`x and out overlap; ${apart}`, () => comm.reduceScatter(y, y.view(4, [8]))],
    // the rest
    [
      'op "product" is unknown; use one of sum, max, min, avg',
      () => comm.allReduce(y, { op: 'product' as ReduceOp }),
    ],
    ['op "" is unknown', () => comm.reduceScatter(y, part, { op: '' as ReduceOp })],
    ['root is 2; use a rank from 0 to 1', () => comm.broadcast(y, 2)],
    ['root is -1; use a rank from 0 to 1', () => comm.broadcast(y, -1)],
    ['root is 0.5; use a rank from 0 to 1', () => comm.broadcast(y, 0.5)],
    ['root is NaN; use a rank from 0 to 1', () => comm.broadcast(y, Number.NaN)],
    [
      /^algorithm "fastest" is unknown for all_reduce; use one of one_shot, .*ring, /,
      () => comm.allReduce(y, { algorithm: 'fastest' }),
    ],
    [
      'algorithm "ring" is unknown for broadcast; use one of staged, direct',
      () => comm.broadcast(y, 0, { algorithm: 'ring' }),
    ],
    [
      'algorithm direct is one of all_gather, not of all_reduce',
      () => comm.allReduce(y, { algorithm: gather }),
    ],
    [
      'algorithm ring has no tunable "blocks"; it has chunk_bytes',
      () => comm.choose(request, 'ring', { blocks: 1 }),
    ],
    [
      'algorithm two_shot has no tunable "chunk_bytes"; it has none',
      () => comm.choose(request, 'two_shot', { chunk_bytes: 64 }),
    ],
    [
      'tunable chunk_bytes is 0; use a whole number from 1 up',
      () => comm.choose(request, 'ring', { chunk_bytes: 0 }),
    ],
    ['tunable chunk_bytes is 1.5', () => comm.choose(request, 'ring', { chunk_bytes: 1.5 })],
    ['tunable chunk_bytes is NaN', () => comm.choose(request, 'ring', { chunk_bytes: Number.NaN })],
    [
      'algorithm one_shot cannot do this: a row of 400000 bytes does not fit the stage of 262144',
      () => comm.choose({ ...request, operation: 'all_reduce_rms_norm', hidden: 100_000 }, 'one_shot'),
    ],
    [
      'there is no plan to explain; run "crossover tune" and pass its file as plan',
      () => comm.explain('all_reduce', 64),
    ],
    ['the communicator is closed', () => closed.empty('f32', [1])],
    ['the communicator is closed', () => closed.allReduce(y)],
    ['the communicator is closed', () => closed.allGather(part, y)],
    ['the communicator is closed', () => closed.reduceScatter(y, part)],
    ['the communicator is closed', () => closed.broadcast(y)],
    ['the communicator is closed', () => closed.add(y, y, y)],
    ['the communicator is closed', () => closed.capture(() => {})],
    // making one
    [/engine "tpu" is unknown; .*cpu/, () => createCommunicator(group, { engine: 'tpu' as 'cpu' })],
    [
      /arenaBytes is 5000000000; .* 256 to \d+ bytes a rank/,
      () => createCommunicator(group, { arenaBytes: 5e9 }),
    ],
    ['no-such-plan.json', () => createCommunicator(group, { plan: 'no-such-plan.json', arenaBytes: 65536 })],
    // sizes
    ['dtype "f64" is unknown; use one of f32, f16, bf16', () => comm.empty('f64' as DType, [1])],
    ['shape[1] is -1; use a whole number from 0', () => comm.empty('f32', [0, -1])],
    ['shape[0] is 1.5; use a whole number from 0', () => comm.empty('f32', [1.5])],
    ['shape[0] is NaN; use a whole number from 0', () => comm.empty('f32', [Number.NaN])],
    ['has too many elements', () => comm.empty('f32', [2 ** 40, 2 ** 40])],
  ];
  const unknown: Operation = 'all_to_all' as Operation;
  table.push([
    'algorithm "x" is unknown for all_to_all',
    () => comm.choose({ ...request, operation: unknown }, 'x'),
  ]);
  return refuseAll(session, table);
}
