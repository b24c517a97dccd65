/**
 * @file What an all-reduce costs the host on GPUs: the time to enqueue one, and the time a replay of a recording of one takes, its wait for
 * the GPU included. What gpu.mjs launches on every rank.
 */
import { createCommunicator } from '../dist/collective/create.js';
import { median } from '../dist/measure/statistics.js';

const BYTES = 8192;
/** Calls in flight stay far below what a stream holds, so that no call waits for room. */
const CALLS = 200;
const ROUNDS = 30;

export default function main(group, _args, { engine, algorithm }) {
  const comm = createCommunicator(group, { engine, arenaBytes: 1 << 20, plan: null, warn: () => {} });
  try {
    const x = comm.tensor('bf16', [BYTES / 2], new Float64Array(BYTES / 2));
    const out = comm.empty('bf16', [BYTES / 2]);
    const request = { operation: 'all_reduce', dtype: 'bf16', worldSize: group.size, bytes: BYTES };
    const options = { out, algorithm: comm.choose(request, algorithm.algorithm, algorithm.tunables) };
    const enqueue = [];
    const replay = [];
    const recording = comm.capture(() => comm.allReduce(x, options));
    for (let round = 0; round < ROUNDS; round++) {
      comm.group.barrier();
      const start = process.hrtime.bigint();
      for (let i = 0; i < CALLS; i++) comm.allReduce(x, options);
      enqueue.push(Number(process.hrtime.bigint() - start) / 1e3 / CALLS);
      comm.synchronize();
      comm.group.barrier();
      const again = process.hrtime.bigint();
      recording.replay(CALLS);
      replay.push(Number(process.hrtime.bigint() - again) / 1e3 / CALLS);
    }
    recording.close();
    const all = group.gather({ enqueue: median(enqueue), replay: median(replay) });
    return {
      enqueueUs: Math.max(...all.map((one) => one.enqueue)),
      replayUs: Math.max(...all.map((one) => one.replay)),
    };
  } finally {
    comm.close();
  }
}
