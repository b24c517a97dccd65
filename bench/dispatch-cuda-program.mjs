/**
 * @file What calls and replays cost the host of a rank with a GPU: what dispatch.mjs --device cuda launches. Enqueueing is timed without waiting,
 * in bursts that fit what a stream holds, and the wait between two bursts is not.
 */
import { createCommunicator } from '../dist/collective/create.js';
import { estimate } from '../dist/measure/statistics.js';
import { planOf } from './dispatch-program.mjs';

const BYTES = 8192;
/** Launches under way at most; a stream holds about a thousand. */
const BURST = 200;
const ROUNDS = 60;
const WARM_UP = 10;
/** All-reduces in the longer recording. */
const RECORDED = 64;

export default function main(group) {
  // A size of 8 KiB is in the plan's first range.
  const plan = planOf(group.size, 'cuda', ['one_shot_push', 'two_shot_push']);
  const comm = createCommunicator(group, { engine: 'cuda', arenaBytes: 8 << 20, plan, warn: () => {} });
  const request = { operation: 'all_reduce', dtype: 'bf16', worldSize: group.size, bytes: BYTES };
  const choice = comm.choose(request, 'one_shot_push');
  const x = comm.tensor('bf16', [BYTES / 2], new Float64Array(BYTES / 2));
  const y = comm.empty('bf16', [BYTES / 2]);
  const chosen = { out: y, algorithm: choice };
  const named = { out: y, algorithm: choice.algorithm.name };
  const one = comm.capture(() => comm.allReduce(x));
  const many = comm.capture(() => {
    for (let i = 0; i < RECORDED; i++) comm.allReduce(x);
  });

  const cases = [
    ['comm.allReduce(x), by the plan', 6, BURST, () => comm.allReduce(x)],
    ['comm.allReduce(x, { out, algorithm }), chosen before', 6, BURST, () => comm.allReduce(x, chosen)],
    ['comm.allReduce(x, { out, algorithm }), by name', undefined, BURST, () => comm.allReduce(x, named)],
    ['recording.enqueue(1), of one all-reduce', 4, BURST, () => one.enqueue(1)],
    [`recording.enqueue(1), of ${RECORDED}`, undefined, 8, () => many.enqueue(1)],
    ['recording.replay(), of one, with the wait', undefined, BURST, () => one.replay()],
  ].map(([name, target, burst, body]) => ({ name, target, ...cost(comm, burst, body) }));
  one.close();
  many.close();
  comm.close();
  return slowest(group.gather(cases));
}

/** Microseconds a call on this rank. */
function cost(comm, burst, body) {
  const times = [];
  for (let round = -WARM_UP; round < ROUNDS; round++) {
    comm.group.barrier();
    const start = process.hrtime.bigint();
    for (let i = 0; i < burst; i++) body();
    const us = Number(process.hrtime.bigint() - start) / 1e3 / burst;
    comm.synchronize();
    if (round >= 0) times.push(us);
  }
  const { median: us, spread } = estimate(times);
  return { us, spread, calls: burst * ROUNDS };
}

/** Of each case the rank that takes longest. */
function slowest(all) {
  return all[0].map((_, i) => all.map((cases) => cases[i]).reduce((a, b) => (b.us > a.us ? b : a)));
}
