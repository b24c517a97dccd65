/**
 * @file Times kernels of models on one rank: recorded, many in a row. Operands rotate so that caches do not hold them; where all calls have one (`common`: the weights
 * of all experts), what is given says for each which part of it is read.
 */
import { createCommunicator } from '../dist/collective/create.js';
import { median } from '../dist/measure/statistics.js';

/** Calls in a recording, and what its operands that are read take together at least. */
const CALLS = 24;
const COLD_BYTES = 256 << 20;
const ROUNDS = 9;

export default function main(group, _args, { engine: name, cases, coldBytes = COLD_BYTES }) {
  const largest = Math.max(...cases.map((one) => commonBytes(one) + setBytes(one) * setsOf(one, coldBytes)));
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

/** Bytes of operands that each call has its own of. */
function setBytes({ memory }) {
  return Object.values(memory).reduce((sum, bytes) => sum + roundUp(bytes), 0);
}

function commonBytes({ common = {} }) {
  return setBytes({ memory: common });
}

function setsOf(one, coldBytes) {
  if (one.common) return CALLS;
  return Math.max(1, Math.min(CALLS, Math.ceil(coldBytes / setBytes(one))));
}

/** Addresses of operands, one behind another; 0 for those of no bytes. */
function place(memory, from) {
  let at = from;
  return Object.fromEntries(
    Object.entries(memory).map(([operand, bytes]) => {
      const address = bytes === 0 ? 0 : at;
      at += roundUp(bytes);
      return [operand, address];
    }),
  );
}

function time(comm, one, base, sets) {
  const { engine } = comm;
  const { kernel, memory, common = {}, given = [], operands } = one;
  const shared = place(common, base);
  const calls = Array.from({ length: sets }, (_, set) => {
    const addresses = place(memory, base + commonBytes(one) + set * setBytes(one));
    for (const [operand, { buffer, byteOffset, byteLength }] of Object.entries(
      given[set % given.length] ?? {},
    ))
      engine.write(addresses[operand], new Uint8Array(buffer, byteOffset, byteLength));
    return { ...operands, ...shared, ...addresses };
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
