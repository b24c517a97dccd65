/**
 * @file Makes descriptors of what NCCL does. It has no tunables here: NCCL chooses by itself, and its environment variables (NCCL_ALGO,
 * NCCL_PROTO, NCCL_SYM_CTAS) hold for the whole process.
 */
import type { Launch } from '../engine/engine.ts';
import type { Operation } from '../operations.ts';
import { DTYPES, dtypeBytes } from '../tensor/dtype.ts';
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
  const symmetric = `nccl_symmetric_${operation}`;
  const ordinary = `nccl_${operation}`;
  return {
    source: SOURCE,
    kernels: [symmetric, ordinary],
    tunables: () => NONE,
    enqueue(engine, launch) {
      launch.kernel = isAligned(operation, launch, engine.group.size) ? symmetric : ordinary;
      engine.enqueue(launch);
    },
    operation,
    name: 'nccl_symmetric',
    summary: 'the symmetric kernels of NCCL: directly on the heap, which is registered as a window',
    bits: operation === 'all_gather' ? 'rank-order' : 'unspecified',
    symmetric: 'both',
  };
}

/** Symmetric kernels of NCCL 2.28.9 give wrong elements when a rank's part does not begin or end at a multiple of 16 bytes (measured on H200). */
function isAligned(operation: Collective, launch: Launch, worldSize: number): boolean {
  const bytes = launch.count * dtypeBytes(DTYPES[launch.dtype]!);
  const part = operation === 'reduce_scatter' ? bytes / worldSize : bytes;
  return launch.input % 16 === 0 && launch.output % 16 === 0 && part % 16 === 0;
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
