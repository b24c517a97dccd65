/**
 * @file The plain protocol: recordings of an all-reduce back to back on the same two buffers, nothing in between and nothing taken off,
 * as osu_allreduce and all_reduce_perf time. src/measure/ has the protocol that plans are made by.
 */
import { estimate } from '../dist/measure/statistics.js';

/** The same as in src/measure/measure.ts and peers/openmpi_allreduce.c. */
const SAMPLE_US = 250;
const RECORDED = 16;
const FEWEST_ROUNDS = 15;
const MOST_ROUNDS = 400;
const WARM_UP_US = 300e3;
/** Rounds between two looks at the clock, and after which those far behind are left out. */
const BATCH = 3;
const HOPELESS = 1.6;
const LONG_BYTES = 1 << 18;

/** Collective. Checks the contenders on `workload`, and times them on two buffers of its size. */
export function measurePlain(comm, workload, contenders, seconds) {
  for (const choice of contenders) workload.check(choice);
  const shape = [workload.bytes / 4];
  const input = comm.empty('f32', shape);
  const output = comm.empty('f32', shape);
  input.writeBytes(new Uint8Array(input.bytes));
  output.writeBytes(new Uint8Array(output.bytes));
  const runners = contenders.map((choice) => record(comm, input, output, choice));
  for (const runner of runners) calibrate(comm, runner);
  runRounds(comm, runners, seconds);
  for (const { recording } of runners) recording.close();
  output.free();
  input.free();
  return runners.map(({ choice, samples }) => ({ choice, us: estimate(samples) }));
}

function record(comm, input, output, choice) {
  const operations = input.bytes >= LONG_BYTES ? 1 : RECORDED;
  const recording = comm.capture(() => {
    for (let i = 0; i < operations; i++) comm.allReduce(input, { out: output, algorithm: choice });
  });
  return { choice, recording, operations, repeats: 1, samples: [] };
}

/** Microseconds an operation on this rank. */
function sample(comm, { recording, repeats, operations }) {
  comm.group.barrier();
  const start = process.hrtime.bigint();
  recording.replay(repeats);
  return Number(process.hrtime.bigint() - start) / 1e3 / repeats / operations;
}

/** The slowest rank's time, and so the same number on all ranks. */
function slowest(comm, value) {
  return Math.max(...comm.group.gather(value));
}

function calibrate(comm, runner) {
  let spent = 0;
  for (;;) {
    const lasts = slowest(comm, sample(comm, runner)) * runner.repeats * runner.operations;
    spent += lasts;
    if (lasts < SAMPLE_US)
      runner.repeats = Math.ceil(((1.1 * SAMPLE_US) / Math.max(lasts, 1)) * runner.repeats);
    else if (spent >= WARM_UP_US / 10) return;
  }
}

function runRounds(comm, runners, seconds) {
  const start = performance.now();
  let active = runners;
  for (let round = 0; round < MOST_ROUNDS; round += BATCH) {
    const own = active.map(() => []);
    for (let k = 0; k < BATCH; k++) {
      for (let i = 0; i < active.length; i++) {
        const at = (i + round + k) % active.length;
        own[at].push(sample(comm, active[at]));
      }
    }
    const all = comm.group.gather({ own, ms: performance.now() - start });
    for (const [i, runner] of active.entries()) {
      for (let k = 0; k < BATCH; k++) runner.samples.push(Math.max(...all.map((rank) => rank.own[i][k])));
    }
    const enough = round + BATCH >= FEWEST_ROUNDS;
    if (enough && Math.max(...all.map((rank) => rank.ms)) > seconds * 1e3) return;
    const best = Math.min(...active.map(({ samples }) => estimate(samples).median));
    active = active.filter(({ samples }) => estimate(samples).median <= HOPELESS * best);
  }
}
