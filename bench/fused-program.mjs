/**
 * @file All-reduce + residual + RMSNorm three ways, in one measurement: fused, an all-reduce and one kernel for the rest, and the three
 * operations one by one. What fused.mjs launches on every rank.
 */
import { refusal } from '../dist/collective/algorithm.js';
import { algorithmsOf } from '../dist/collective/catalog.js';
import { createCommunicator } from '../dist/collective/create.js';
import { measure } from '../dist/measure/measure.js';
import { arenaFor, Workload } from '../dist/measure/workload.js';

/** `data`: points `{ bytes, hidden }`, dtype, seconds a point. Returns a list of timings a point. */
export default function main(group, _args, { points, dtype, seconds }) {
  const keys = points.map(({ hidden }) => ({
    operation: 'all_reduce_rms_norm',
    dtype,
    worldSize: group.size,
    mode: 'replay',
    hidden,
    quantization: 'none',
    registered: true,
  }));
  const arenaBytes = Math.max(...points.map(({ bytes }, i) => arenaFor(keys[i], bytes))) + (4 << 20);
  const comm = createCommunicator(group, { arenaBytes, plan: null });
  const all = [...algorithmsOf('all_reduce_rms_norm'), ...algorithmsOf('all_reduce').map(threeOperations)];
  try {
    return points.map(({ bytes }, i) => {
      const workload = new Workload(comm, keys[i], bytes);
      const contenders = all
        .filter((algorithm) => refusal(algorithm, workload.request, comm.engine) === undefined)
        .flatMap((algorithm) =>
          algorithm.tunables(workload.request, comm.engine).map((tunables) => ({ algorithm, tunables })),
        );
      // Without a precision at which to stop early, all that are close to the best are timed for as long.
      const timings = measure(comm, workload, contenders, { mode: 'replay', seconds, precision: 0 });
      workload.free();
      return timings.map(({ choice, us }) => ({
        algorithm: choice.algorithm.name,
        tunables: choice.tunables,
        us: us.median,
        spread: us.spread,
      }));
    });
  } finally {
    comm.close();
  }
}

/** What a model does that knows no fusion: all-reduce in place, add to the residual stream, RMSNorm of the stream; three launches. */
function threeOperations(allReduce) {
  return {
    operation: 'all_reduce_rms_norm',
    name: `three_${allReduce.name}`,
    summary: `all-reduce (${allReduce.name}), add, RMSNorm`,
    source: allReduce.source,
    bits: allReduce.bits,
    kernels: [...allReduce.kernels, 'add', 'rms_norm'],
    refuses: (request, engine) => allReduce.refuses?.({ ...request, operation: 'all_reduce' }, engine),
    tunables: (request, engine) => allReduce.tunables({ ...request, operation: 'all_reduce' }, engine),
    enqueue(engine, launch, tunables) {
      const { output, residualOut } = launch;
      launch.output = launch.input;
      allReduce.enqueue(engine, launch, tunables);
      // input + residual
      launch.output = residualOut;
      launch.kernel = 'add';
      engine.enqueue(launch);
      launch.input = residualOut;
      launch.output = output;
      launch.residual = 0;
      launch.residualOut = 0;
      launch.kernel = 'rms_norm';
      engine.enqueue(launch);
    },
  };
}
