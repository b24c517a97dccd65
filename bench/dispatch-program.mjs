/**
 * @file What a call costs the host: what dispatch.mjs launches, on one rank and on empty tensors, so that nothing is left but the call.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { algorithmsOf } from '../dist/collective/catalog.js';
import { createCommunicator } from '../dist/collective/create.js';
import { fingerprintHere } from '../dist/collective/engines.js';
import { estimate, median } from '../dist/measure/statistics.js';
import { OPERATIONS } from '../dist/operations.js';
import { PLAN_SCHEMA } from '../dist/plan/plan.js';
import { dtypeCode } from '../dist/tensor/dtype.js';

const CALLS = 1_000_000;
const SAMPLE = 10_000;
const LIVE_TENSORS = 10_000;
/** As many ranges as a plan of a wide sweep has. */
const RANGES = 8;

export default function main(group) {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc');
  const warn = () => {};
  const names = algorithmsOf('all_reduce').map(({ name }) => name);
  const plan = planOf(group.size, 'cpu', names.slice(0, 2));
  const planned = createCommunicator(group, { engine: 'cpu', arenaBytes: 8 << 20, plan, warn });
  const unplanned = createCommunicator(group, { engine: 'cpu', arenaBytes: 1 << 20, plan: null, warn });
  const tensors = Array.from({ length: LIVE_TENSORS }, () => planned.empty('bf16', [0]));
  const x = tensors[LIVE_TENSORS >> 1];
  const y = unplanned.empty('bf16', [0]);
  const addresses = tensors.map(({ address }) => address);
  const [operation, dtype] = [OPERATIONS.indexOf('all_reduce'), dtypeCode('bf16')];
  const sizes = Array.from({ length: 64 }, (_, i) => i << 14);
  const recording = planned.capture(() => planned.allReduce(x));

  const cases = [
    ['an empty loop', () => {}],
    ['comm.allReduce(x), with a plan', () => planned.allReduce(x)],
    ['comm.allReduce(x), without a plan', () => unplanned.allReduce(y)],
    ['recording.replay() of that call', () => recording.replay()],
    [`comm.select() among ${RANGES} ranges`, (i) => planned.select(operation, dtype, sizes[i & 63])],
    [
      `heap.isSymmetric() with ${LIVE_TENSORS} live tensors`,
      (i) => planned.heap.isSymmetric(addresses[(i * 7919) % LIVE_TENSORS]),
    ],
  ].map(([name, body]) => ({ name, ...cost(body, gc) }));
  recording.close();
  planned.close();
  unplanned.close();
  // What reading the heap's size itself leaves behind is in the empty loop as well.
  return cases.slice(1).map((one) => ({ ...one, allocated: one.allocated - cases[0].allocated }));
}

/** Nanoseconds, bytes left over and bytes allocated a call. */
function cost(body, gc) {
  const loop = new Function(
    'body',
    'n',
    'let last; for (let i = 0; i < n; i++) last = body(i); return last;',
  );
  for (let k = 0; k < 20; k++) loop(body, SAMPLE);
  const times = [];
  const grown = [];
  gc();
  const before = process.memoryUsage().heapUsed;
  for (let k = 0; k < CALLS / SAMPLE; k++) {
    const heap = process.memoryUsage().heapUsed;
    const start = process.hrtime.bigint();
    loop(body, SAMPLE);
    times.push(Number(process.hrtime.bigint() - start) / SAMPLE);
    grown.push((process.memoryUsage().heapUsed - heap) / SAMPLE);
  }
  gc();
  const kept = (process.memoryUsage().heapUsed - before) / CALLS;
  const { median: ns, spread } = estimate(times);
  // A median: where garbage is collected within a sample, the heap shrinks.
  return { ns, spread, kept, allocated: median(grown) };
}

/** A plan that was not measured, of algorithms in turn: only what has to be looked up counts. */
export function planOf(worldSize, engine, names) {
  const ranges = Array.from({ length: RANGES }, (_, i) => ({
    algorithm: names[i % names.length],
    tunables: {},
    from: i << 17,
    to: i + 1 < RANGES ? (i + 1) << 17 : null,
    at: (i << 17) + 1,
    us: 1,
    spread: 0,
  }));
  const key = { operation: 'all_reduce', dtype: 'bf16', worldSize, registered: true };
  const entries = ['eager', 'replay'].map((mode) => ({
    key: { ...key, mode },
    measured: { from: 1, to: RANGES << 17 },
    ranges,
    candidates: [],
  }));
  return {
    schema: PLAN_SCHEMA,
    crossover: '0',
    createdAt: new Date().toISOString(),
    command: 'bench/dispatch.mjs',
    deterministic: false,
    fingerprint: fingerprintHere(engine),
    entries,
  };
}
