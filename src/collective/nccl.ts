/**
 * @file Makes descriptors of what NCCL does. It has no tunables here: NCCL chooses by itself, and its environment variables (NCCL_ALGO,
 * NCCL_PROTO, NCCL_SYM_CTAS) hold for the whole process.
 */
import type { Operation } from '../operations.ts';
import { type Algorithm, NO_TUNABLES } from './algorithm.ts';

type Collective = Exclude<Operation, 'all_reduce_rms_norm'>;

const NONE = [NO_TUNABLES] as const;
const SOURCE = 'NVIDIA NCCL, loaded at run time';

/** On ordinary memory, as serving engines call it by default. The order of sums, and what partial sums are rounded to, is NCCL's affair. */
export function ncclAlgorithm(operation: Collective): Algorithm {
  return {
    ...one(`nccl_${operation}`),
    operation,
    name: 'nccl',
    summary: 'the ordinary kernels of NCCL: rings and trees through buffers of its own',
    // Rings and trees pass partial sums on in the message's dtype; what only moves bytes has no sums.
    bits: operation === 'all_reduce' || operation === 'reduce_scatter' ? 'unspecified' : 'rank-order',
  };
}

/**
 * On the symmetric heap, registered as a window. One kernel gives the same bits on all ranks, but NCCL takes another kernel, with another
 * order, at another size, and ordinary ones for max and min and for unequal parts.
 */
export function ncclSymmetricAlgorithm(operation: Exclude<Collective, 'broadcast'>): Algorithm {
  return {
    ...one(`nccl_symmetric_${operation}`),
    operation,
    name: 'nccl_symmetric',
    summary: 'the symmetric kernels of NCCL: directly on the heap, which is registered as a window',
    bits: operation === 'all_gather' ? 'rank-order' : 'unspecified',
  };
}

function one(kernel: string): Pick<Algorithm, 'source' | 'kernels' | 'tunables' | 'enqueue'> {
  return {
    source: SOURCE,
    kernels: [kernel],
    tunables: () => NONE,
    enqueue(engine, launch) {
      launch.kernel = kernel;
      engine.enqueue(launch);
    },
  };
}
