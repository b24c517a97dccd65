/**
 * @file All-reduce in replay over sizes, every algorithm that a plan could choose: what openmpi.mjs launches on every rank.
 */
import { refusal } from '../dist/collective/algorithm.js';
import { algorithmsOf } from '../dist/collective/catalog.js';
import { createCommunicator } from '../dist/collective/create.js';
import { measure } from '../dist/measure/measure.js';
import { arenaFor, Workload } from '../dist/measure/workload.js';
import { measurePlain } from './plain.mjs';

/** `data`: sizes in bytes, protocol, seconds a size. Returns `{ bytes, timings }` a size. */
export default function main(group, _args, { sizes, protocol, seconds }) {
  const key = {
    operation: 'all_reduce',
    dtype: 'f32',
    worldSize: group.size,
    mode: 'replay',
    registered: true,
  };
  // The plain protocol has two buffers of its own.
  const arenaBytes = Math.max(...sizes.map((bytes) => arenaFor(key, bytes) + 2 * bytes)) + (1 << 20);
  const comm = createCommunicator(group, { arenaBytes, plan: null });
  try {
    return sizes.map((bytes) => {
      const workload = new Workload(comm, key, bytes);
      const contenders = candidates(comm, workload.request);
      // Without a precision at which to stop early, all that are close to the best are timed for as long.
      const options = { mode: key.mode, seconds, precision: 0 };
      const timings =
        protocol === 'touched'
          ? measure(comm, workload, contenders, options)
          : measurePlain(comm, workload, contenders, seconds);
      workload.free();
      return { bytes, timings: timings.map(plainData) };
    });
  } finally {
    comm.close();
  }
}

/** What `crossover tune` would time. */
function candidates(comm, request) {
  return algorithmsOf(request.operation)
    .filter((algorithm) => refusal(algorithm, request, comm.engine) === undefined)
    .flatMap((algorithm) =>
      algorithm.tunables(request, comm.engine).map((tunables) => ({ algorithm, tunables })),
    );
}

function plainData({ choice, us }) {
  return { algorithm: choice.algorithm.name, tunables: choice.tunables, us: us.median, spread: us.spread };
}
