/**
 * @file Calls NCCL's part of the CUDA engine with addresses that nothing is at; the library only writes down what it is called with.
 */
import { createNccl } from '../../../dist/engine/cuda/nccl.js';
import { emptyLaunch, type Launch } from '../../../dist/engine/engine.js';
import type { CUstream } from '../../../dist/ffi/cuda.js';
import type { Group } from '../../../dist/group/group.js';

export interface NcclTest {
  /** Where the library is, by rank. */
  readonly libraries: readonly string[];
  readonly launches: readonly Partial<Launch>[];
  readonly end: 'close' | 'abort' | 'leave';
}

export interface NcclAnswers {
  readonly ordinary: string | undefined;
  readonly symmetric: string | undefined;
  /** What each launch threw. */
  readonly errors: readonly (string | undefined)[];
  readonly fences: number;
  readonly failure: string | undefined;
  readonly afterwards: string | undefined;
}

const STREAM = 0x57n as CUstream;

export default function main(group: Group, _args: string[], data: NcclTest): NcclAnswers {
  process.env.CROSSOVER_NCCL = data.libraries[group.rank]!;
  let fences = 0;
  const block = { address: 0x10000 * (group.rank + 1), bytes: 4096 };
  const nccl = createNccl({ group, block, fence: () => fences++ });
  const ordinary = nccl.missing('nccl_all_reduce');
  const symmetric = nccl.missing('nccl_symmetric_all_reduce');
  const errors = data.launches.map((launch) => {
    try {
      nccl.enqueue({ ...emptyLaunch(), ...launch }, STREAM);
    } catch (error) {
      return (error as Error).message;
    }
    return undefined;
  });
  const failure = nccl.failure();
  if (data.end !== 'leave') nccl[data.end]();
  group.barrier();
  return { ordinary, symmetric, errors, fences, failure, afterwards: nccl.missing('nccl_all_gather') };
}
