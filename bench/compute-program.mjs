/** @file Times kernels of models on one rank: recorded, many in a row, weights rotated so that caches do not hold them. */
import { createCommunicator } from '../dist/collective/create.js';
import { median } from '../dist/measure/statistics.js';

/** Calls in a recording, and what its operands that are read take together at least. */
const CALLS = 24;
const COLD_BYTES = 256 << 20;
const ROUNDS = 9;

export default function main(group, _args, { engine: name, cases, coldBytes = COLD_BYTES }) {
  const largest = Math.max(...cases.map((one) => setBytes(one) * setsOf(one, coldBytes)));
  const comm = createCommunicator(group, {
    engine: name,
    arenaBytes: name === 'cpu' ? largest + (64 << 20) : 64 << 20,
    plan: null,
    warn: () => {},
  });
  const { engine } = comm;
  const base = engine.allocate
    ? engine.allocate(largest + (32 << 20))
    : comm.heap.allocate(largest + (32 << 20));
  const products = cases
    .filter(({ kernel }) => kernel === 'linear')
    .map(({ operands: { tokens, outer, inner } }) => ({ kernel: 'linear', tokens, heads: 1, outer, inner }));
  engine.tuneProducts?.(products);
  const rows = cases.map((one) => ({ ...one, us: time(comm, one, base, setsOf(one, coldBytes)) }));
  comm.close();
  return rows;
}

function roundUp(bytes) {
  return Math.ceil(bytes / 256) * 256;
}

/** Bytes of all operands of one call. */
function setBytes({ memory }) {
  return Object.values(memory).reduce((sum, bytes) => sum + roundUp(bytes), 0);
}

function setsOf(one, coldBytes) {
  return Math.max(1, Math.min(CALLS, Math.ceil(coldBytes / setBytes(one))));
}

function time(comm, one, base, sets) {
  const { engine } = comm;
  const { kernel, memory, operands } = one;
  const calls = Array.from({ length: sets }, (_, set) => {
    let at = base + set * setBytes(one);
    const addresses = {};
    for (const [operand, bytes] of Object.entries(memory)) {
      addresses[operand] = bytes === 0 ? 0 : at;
      const given = one.given?.[operand];
      if (given) engine.write(at, new Uint8Array(given.buffer, given.byteOffset, given.byteLength));
      at += roundUp(bytes);
    }
    return { ...operands, ...addresses };
  });
  const scratch = engine.scratchBytes(kernel, calls[0]);
  const room = scratch === 0 ? 0 : engine.allocate ? engine.allocate(scratch) : comm.heap.allocate(scratch);
  const run = () => {
    for (let i = 0; i < CALLS; i++) {
      const call = calls[i % sets];
      engine.compute(kernel, 'scratch' in call ? { ...call, scratch: room } : call);
    }
  };
  run();
  engine.synchronize();
  const recording = comm.capture(run);
  const sample = () => {
    const { timer } = engine;
    if (timer && recording.enqueue) {
      recording.enqueue(1);
      timer.start();
      recording.enqueue(4);
      timer.stop();
      return timer.microseconds() / (4 * CALLS);
    }
    const start = process.hrtime.bigint();
    recording.replay(1);
    return Number(process.hrtime.bigint() - start) / 1e3 / CALLS;
  };
  sample();
  const us = median(Array.from({ length: ROUNDS }, sample));
  recording.close();
  return us;
}
