/**
 * @file One operation over sizes on GPUs, every algorithm with every setting, as peers/torch_peers.py times its own: what gpu.mjs launches
 * on every rank.
 *
 * A recording of K operations back to back on the same buffers is replayed as often as takes SAMPLE_US; the slowest rank counts; the row
 * is the median of the samples. Settings are first timed roughly; those near the best are then checked and timed as above.
 */
import { refusal } from '../dist/collective/algorithm.js';
import { algorithmsOf } from '../dist/collective/catalog.js';
import { createCommunicator } from '../dist/collective/create.js';
import { estimate } from '../dist/measure/statistics.js';
import { arenaFor, sizeFor, Workload } from '../dist/measure/workload.js';

const SAMPLES = 15;
const SAMPLE_US = 1500;
const ROUGH_SAMPLES = 3;
const ROUGH_US = 300;
/** How far behind the best, roughly timed, a setting is not timed well. */
const FAR = 1.15;
/** Checking takes long for long messages, so fewer settings get so far. */
const LONG_BYTES = 8 << 20;
/** Multiprocessors that a collective may take beside computation. */
const FEW_BLOCKS = 8;
const MIB = 1 << 20;

/** The same numbers as in peers/torch_peers.py. */
function operationsInAGraph(bytes) {
  return bytes <= 256 << 10 ? 40 : bytes <= 4 << 20 ? 20 : 5;
}

/**
 * `data`: engine, points (`{ operation, hidden?, quantization?, bytes }`), seconds. Returns `{ traits, fingerprint, rows, skipped }`;
 * a row is a point with the times of all algorithms, each with its best setting, the fastest first.
 */
export default function main(group, _args, { engine, points, seconds }) {
  const keyOf = ({ operation, hidden, quantization }) => ({
    operation,
    dtype: 'bf16',
    worldSize: group.size,
    mode: 'replay',
    ...(hidden ? { hidden, quantization } : {}),
    registered: true,
  });
  const all = points.map((point) => {
    const key = keyOf(point);
    return { point, key, bytes: sizeFor(key, point.bytes) };
  });
  // A workload to check with, and the buffers that are timed.
  const arenaBytes = Math.max(...all.map(({ key, bytes }) => arenaFor(key, bytes) + 5 * bytes)) + 4 * MIB;
  const comm = createCommunicator(group, { engine, arenaBytes, plan: null, warn: () => {} });
  const start = performance.now();
  const rows = [];
  let skipped = 0;
  try {
    for (const { point, key, bytes } of all) {
      const late = comm.group.broadcast(performance.now() - start > seconds * 1e3);
      if (late) skipped++;
      else rows.push({ ...point, bytes, ...timePoint(comm, key, bytes) });
    }
    return { traits: comm.engine.traits, fingerprint: comm.engine.fingerprint(), rows, skipped };
  } finally {
    comm.close();
  }
}

function timePoint(comm, key, bytes) {
  const request = { ...key, bytes };
  const refused = {};
  const settings = algorithmsOf(key.operation).flatMap((algorithm) => {
    const reason = refusal(algorithm, request, comm.engine);
    if (reason) refused[algorithm.name] = reason;
    return reason
      ? []
      : algorithm.tunables(request, comm.engine).map((tunables) => ({ algorithm, tunables }));
  });
  const buffers = new Buffers(comm, key, bytes);
  const rough = settings.map((choice) => ({ choice, us: roughly(comm, buffers, choice) }));
  const best = Math.min(...rough.filter(({ choice }) => !choice.algorithm.lossy).map(({ us }) => us));
  const finalists = finalistsOf(rough, best, bytes);
  const workload = new Workload(comm, key, bytes);
  for (const { choice } of finalists) workload.check(choice);
  workload.free();
  buffers.clear();
  const timed = finalists.map(({ choice }) => ({ choice, us: closely(comm, buffers, choice) }));
  buffers.free();
  const algorithms = byAlgorithm(timed).map(([, own]) => {
    const { choice, us } = own.reduce((a, b) => (b.us.median < a.us.median ? b : a));
    return { ...named(choice), us: us.median, spread: us.spread, samples: us.samples };
  });
  const few = rough
    .filter(({ choice }) => choice.tunables.blocks <= FEW_BLOCKS)
    .sort((a, b) => a.us - b.us)[0];
  return {
    algorithms: algorithms.sort((a, b) => a.us - b.us),
    rough: rough.map(({ choice, us }) => ({ ...named(choice), us })).sort((a, b) => a.us - b.us),
    ...(few ? { few: { ...named(few.choice), us: few.us } } : {}),
    refused,
  };
}

/** The best settings of every algorithm that is near the best of all, and the best one of NCCL's, which are peers, and of lossy ones. */
function finalistsOf(rough, best, bytes) {
  const most = bytes > LONG_BYTES ? 1 : 2;
  return byAlgorithm(rough).flatMap(([name, own]) => {
    const sorted = [...own].sort((a, b) => a.us - b.us);
    if (name.startsWith('nccl') || own[0].choice.algorithm.lossy) return sorted.slice(0, 1);
    return sorted.filter(({ us }) => us <= FAR * best).slice(0, most);
  });
}

/** Timings as `[name, timings]` an algorithm. */
function byAlgorithm(timings) {
  const names = [...new Set(timings.map(({ choice }) => choice.algorithm.name))];
  return names.map((name) => [name, timings.filter(({ choice }) => choice.algorithm.name === name)]);
}

function named({ algorithm, tunables }) {
  return { algorithm: algorithm.name, tunables, ...(algorithm.lossy ? { lossy: true } : {}) };
}

function roughly(comm, buffers, choice) {
  return withRecording(comm, buffers, choice, (sample) => {
    const once = slowest(comm, sample(1));
    const repeats = repeatsFor(once, buffers.operations, ROUGH_US);
    const samples = [];
    for (let i = 0; i < ROUGH_SAMPLES; i++) samples.push(sample(repeats));
    return estimate(perSample(comm, samples)).median;
  });
}

function closely(comm, buffers, choice) {
  return withRecording(comm, buffers, choice, (sample) => {
    sample(1);
    const repeats = repeatsFor(slowest(comm, sample(3)), buffers.operations, SAMPLE_US);
    const samples = [];
    for (let i = 0; i < SAMPLES; i++) samples.push(sample(repeats));
    return estimate(perSample(comm, samples));
  });
}

function repeatsFor(us, operations, total) {
  return Math.max(1, Math.min(200, Math.round(total / (us * operations))));
}

/** Calls `body` with a function that takes one sample: microseconds an operation on this rank. */
function withRecording(comm, buffers, choice, body) {
  const recording = comm.capture(() => {
    for (let i = 0; i < buffers.operations; i++) buffers.call(choice);
  });
  try {
    const { timer } = comm.engine;
    return body((repeats) => {
      comm.group.barrier();
      if (timer) {
        // All ranks start together, and while the device is busy with one more, the host enqueues what is timed.
        comm.meet();
        recording.enqueue(1);
        timer.start();
        recording.enqueue(repeats);
        timer.stop();
        return timer.microseconds() / repeats / buffers.operations;
      }
      const start = process.hrtime.bigint();
      recording.replay(repeats);
      return Number(process.hrtime.bigint() - start) / 1e3 / repeats / buffers.operations;
    });
  } finally {
    recording.close();
  }
}

function slowest(comm, value) {
  return Math.max(...comm.group.gather(value));
}

/** Of each sample the slowest rank's. */
function perSample(comm, own) {
  const all = comm.group.gather(own);
  return own.map((_, i) => Math.max(...all.map((samples) => samples[i])));
}

/** What is timed: one set of buffers, all zeros, so that what is reduced in place stays what it is. */
class Buffers {
  constructor(comm, key, bytes) {
    const { operation, worldSize, hidden, quantization } = key;
    const count = bytes / 2;
    this.comm = comm;
    this.key = key;
    this.operations = operationsInAGraph(bytes);
    const shape = hidden ? [count / hidden, hidden] : [count];
    this.input = comm.empty('bf16', operation === 'all_gather' ? [count / worldSize] : shape);
    this.out = comm.empty('bf16', operation === 'reduce_scatter' ? [count / worldSize] : shape);
    this.all = [this.input, this.out];
    if (hidden) this.norm = this.normOperands(shape, hidden, quantization);
    this.clear();
  }

  normOperands(shape, hidden, quantization) {
    const make = (dtype, of) => {
      const tensor = this.comm.empty(dtype, of);
      this.all.push(tensor);
      return tensor;
    };
    const common = {
      input: this.input,
      residual: make('bf16', shape),
      weight: make('bf16', [hidden]),
      epsilon: 1e-5,
      quantization,
    };
    if (quantization === 'none') return { ...common, out: this.out };
    return { ...common, quantOut: make('f8e4m3', shape), scale: 0.05 };
  }

  clear() {
    for (const tensor of this.all) tensor.writeBytes(new Uint8Array(tensor.bytes));
  }

  call(algorithm) {
    const { comm, input, out } = this;
    switch (this.key.operation) {
      case 'all_reduce':
        return comm.allReduce(input, { out, algorithm });
      case 'all_gather':
        return comm.allGather(input, out, { algorithm });
      case 'reduce_scatter':
        return comm.reduceScatter(input, out, { algorithm });
      default:
        return comm.allReduceRmsNorm(this.norm, { algorithm });
    }
  }

  free() {
    for (const tensor of this.all.reverse()) tensor.free();
  }
}
