/**
 * @file The unfused sequence as a candidate like any other: an all-reduce, then one local kernel for residual, RMSNorm and quantization.
 * One candidate an all-reduce algorithm, so that fused is judged against the fastest pair. Reduces in place: the input is overwritten.
 */
import type { Algorithm } from '../algorithm.ts';
import { allReduceOneShot } from '../all-reduce/one-shot.ts';
import { allReduceTwoShot } from '../all-reduce/two-shot.ts';
import { allReduceTwoShotPull } from '../all-reduce/two-shot-pull.ts';

function unfused(allReduce: Algorithm): Algorithm {
  return {
    operation: 'all_reduce_rms_norm',
    name: `unfused_${allReduce.name}`,
    summary: `all-reduce (${allReduce.name}), then residual, RMSNorm and quantization on every rank`,
    source: allReduce.source,
    bits: allReduce.bits,
    kernels: [...allReduce.kernels, 'rms_norm'],
    tunables: (request, engine) => allReduce.tunables({ ...request, operation: 'all_reduce' }, engine),
    enqueue(engine, launch, tunables) {
      const { output } = launch;
      launch.output = launch.input;
      allReduce.enqueue(engine, launch, tunables);
      launch.output = output;
      launch.kernel = 'rms_norm';
      engine.enqueue(launch);
    },
  };
}

export const unfusedOneShot: Algorithm = unfused(allReduceOneShot);
export const unfusedTwoShot: Algorithm = unfused(allReduceTwoShot);
export const unfusedTwoShotPull: Algorithm = unfused(allReduceTwoShotPull);
