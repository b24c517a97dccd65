/**
 * @file The unfused sequence as a candidate like any other: an all-reduce, then one local kernel for residual, RMSNorm and quantization.
 * One candidate an all-reduce algorithm, so that fused is judged against the fastest pair. Reduces in place: the input is overwritten.
 */
import type { Algorithm } from '../algorithm.ts';

const PREFIX = 'unfused_';

/** Whether an algorithm of all_reduce_rms_norm is an all-reduce and a local kernel. */
export function isUnfused(algorithm: string): boolean {
  return algorithm.startsWith(PREFIX);
}

export function unfused(allReduce: Algorithm): Algorithm {
  return {
    operation: 'all_reduce_rms_norm',
    name: `${PREFIX}${allReduce.name}`,
    summary: `all-reduce (${allReduce.name}), then residual, RMSNorm and quantization on every rank`,
    source: allReduce.source,
    bits: allReduce.bits,
    ...(allReduce.symmetric ? { symmetric: 'input' as const } : {}),
    kernels: [...allReduce.kernels, 'rms_norm'],
    refuses: (request, engine) => allReduce.refuses?.({ ...request, operation: 'all_reduce' }, engine),
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
