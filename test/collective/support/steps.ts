/**
 * @file Random operations on a set of tensors, as functions that can be called as often as one likes: the same steps are called in one
 * place, and recorded and replayed in another.
 */
import type { Communicator } from '../../../dist/collective/communicator.js';
import type { Tensor } from '../../../dist/memory/tensor.js';
import type { Operation } from '../../../dist/operations.js';
import { type DType, dtypeBytes } from '../../../dist/tensor/dtype.js';
import { dependable } from './cases.ts';
import type { Session } from './session.ts';

export type RandomStep = (comm: Communicator, tensors: readonly Tensor[]) => void;

/** Tensors hold `size * worldSize` elements of `dtype`. Steps keep numbers bounded, so that they can be repeated for ever. */
export function randomStep({ comm, shared: random }: Session, dtype: DType, size: number): RandomStep {
  const { worldSize } = comm;
  const whole = size * worldSize;
  const count = random.whole(0, whole);
  const part = random.whole(0, size);
  const from = random.whole(0, whole - count);
  const root = random.whole(0, worldSize - 1);
  const op = random.pick(['max', 'min', 'avg'] as const);
  const bytes = whole * dtypeBytes(dtype);
  const algorithm = (operation: Operation): string => {
    const rows = operation === 'all_reduce_rms_norm' ? { hidden: size, quantization: 'none' as const } : {};
    return random.pick(dependable(comm, { operation, dtype, worldSize, bytes, ...rows })).name;
  };
  const [a, b] = random.pick([
    [0, 1],
    [1, 2],
    [2, 3],
    [3, 0],
    [1, 3],
  ] as const);
  switch (random.whole(0, 6)) {
    case 0: {
      const name = algorithm('all_reduce');
      return (comm, t) => comm.allReduce(t[a]!.view(from, [count]), { op, algorithm: name });
    }
    case 1: {
      const name = algorithm('all_reduce');
      return (comm, t) =>
        comm.allReduce(t[a]!.view(from, [count]), { op, out: t[b]!.view(from, [count]), algorithm: name });
    }
    case 2: {
      const name = algorithm('all_gather');
      return (comm, t) =>
        comm.allGather(t[a]!.view(0, [part]), t[b]!.view(0, [part * worldSize]), { algorithm: name });
    }
    case 3: {
      const name = algorithm('reduce_scatter');
      return (comm, t) => {
        comm.reduceScatter(t[a]!.view(0, [part * worldSize]), t[b]!.view(0, [part]), { op, algorithm: name });
      };
    }
    case 4: {
      const name = algorithm('broadcast');
      return (comm, t) => comm.broadcast(t[a]!.view(from, [count]), root, { algorithm: name });
    }
    case 5: {
      const name = algorithm('all_reduce_rms_norm');
      const out = random.chance(0.5);
      return (comm, t) => {
        const input = t[a]!.view(0, [worldSize, size]);
        const other = t[b]!.view(0, [worldSize, size]);
        comm.allReduceRmsNorm({ input, epsilon: 1e-5, out: out ? other : input }, { algorithm: name });
      };
    }
    default:
      return (comm, t) => {
        const input = t[a]!.view(0, [worldSize, size]);
        comm.rmsNorm({ input, epsilon: 1e-5, out: input });
      };
  }
}
