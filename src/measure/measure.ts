/**
 * @file Times contenders for the same work against each other.
 *
 * Rules: every contender is checked before it is timed. Contenders take turns within a round, in an order that rotates, so that drift of the
 * machine hits all alike. A sample is many operations between two clock readings, and counts as long as the slowest rank took. Rounds go on
 * until the best is told apart from the rest, or everything close to it is known to the precision asked, or time is up. Contenders
 * that are far behind after a few rounds are not timed further. Where samples turn out to be of too few operations, all begins anew. All ranks see
 * the same numbers and so decide alike.
 *
 * A model rewrites the input and reads the output between two collectives, and so does a sample (see Workload.run). The same
 * without the collective is timed as one more contender, and its median taken off: what is reported is what the collective adds.
 */

import type { Choice } from '../collective/algorithm.ts';
import type { Communicator } from '../collective/communicator.ts';
import type { Recording, Timer } from '../engine/engine.ts';
import type { Mode } from '../operations.ts';
import { type Estimate, estimate, median } from './statistics.ts';
import type { Workload } from './workload.ts';

export interface MeasureOptions {
  readonly mode: Mode;
  /** Stop when time is up, in seconds for all contenders together; a few rounds are always made. */
  readonly seconds: number;
  /** Half-width of the confidence interval to reach, relative to the median. */
  readonly precision: number;
}

export interface Timing {
  readonly choice: Choice;
  /** Microseconds an operation; the slowest rank counts. */
  readonly us: Estimate;
}

/** One sample should last this long: well above the clock's resolution and the barrier's jitter. */
const SAMPLE_US = 250;
/** By a device's clock: it starts some microseconds before the host has enqueued the first operation. */
const DEVICE_SAMPLE_US = 1000;
/** Operations in a recording that is replayed for timing, on the host's clock and on a device's: starting a graph costs as much as a few operations. */
const RECORDED = { host: 16, device: 96 } as const;
/** Messages of this size take longer than a replay costs. */
const LONG_BYTES = { host: 1 << 18, device: 1 << 22 } as const;
const WARM_UP_MS = 300;
/** Below the resolution of differences of medians. */
const LEAST_US = 0.005;
const FEWEST_ROUNDS = 7;
const MOST_ROUNDS = 400;
const MOST_REPEATS = 1 << 16;
/** How often all samples are thrown away because some were too short. */
const MOST_RESTARTS = 3;
/** Rounds between two looks at the numbers. */
const BATCH = 4;
/** A contender this many times slower than the best is not timed further. */
const HOPELESS = 1.6;
/** So many times the time is given where the best is below what differences can tell: idling was disturbed, or there is nothing to do. */
const MORE_TIME = 3;

/** Collective. Returns one timing a contender, in their order. Throws when a result is wrong. */
export function measure(
  comm: Communicator,
  workload: Workload,
  contenders: readonly Choice[],
  options: MeasureOptions,
): Timing[] {
  for (const choice of contenders) workload.check(choice);
  workload.prepare();
  const idle = new Runner(comm, workload, null, options.mode);
  const runners = contenders.map((choice) => new Runner(comm, workload, choice, options.mode));
  try {
    warmUp(comm, `${workload.key.operation} ${workload.key.dtype} ${options.mode}`, runners);
    for (const runner of [idle, ...runners]) runner.calibrate();
    runRounds(comm, runners, idle, options);
  } finally {
    for (const runner of [idle, ...runners]) runner.close();
  }
  return runners.map((runner, i) => ({ choice: contenders[i]!, us: net(runner, idle) }));
}

/** Kinds of work that a communicator has run for a while. */
const warm = new WeakMap<Communicator, Set<string>>();

/** Code starts slow and is compiled better while it runs, on the very cores that are measured: the first of a kind is run for a while. */
function warmUp(comm: Communicator, kind: string, runners: readonly Runner[]): void {
  const kinds = warm.get(comm) ?? new Set();
  warm.set(comm, kinds);
  if (kinds.has(kind)) return;
  kinds.add(kind);
  const start = performance.now();
  do {
    for (const runner of runners) for (let i = 0; i < 20; i++) runner.sample();
  } while (Math.max(...comm.group.gather(performance.now() - start)) < WARM_UP_MS);
}

/** What a contender adds to idling, and never less than the clock can tell. */
function net(runner: Runner, idle: Runner): Estimate {
  const off = estimate(idle.samples).median;
  return estimate(runner.samples.map((sample) => Math.max(sample - off, LEAST_US)));
}

function runRounds(
  comm: Communicator,
  runners: readonly Runner[],
  idle: Runner,
  options: MeasureOptions,
): void {
  const start = performance.now();
  const everybody = [...runners, idle];
  let active = everybody;
  let restarts = 0;
  for (let round = 0; round < MOST_ROUNDS; ) {
    const own: number[][] = active.map(() => []);
    const rounds = round === 0 ? FEWEST_ROUNDS : BATCH;
    for (let k = 0; k < rounds; k++) {
      for (let i = 0; i < active.length; i++) {
        const at = (i + round + k) % active.length;
        own[at]!.push(active[at]!.sample());
      }
    }
    round += rounds;
    const all = comm.group.gather({ own, seconds: (performance.now() - start) / 1000 });
    for (const [i, runner] of active.entries()) {
      for (let k = 0; k < rounds; k++) {
        const times = all.map((rank) => rank.own[i]![k]!);
        // Collectives end when the slowest rank ends. Touching waits for nobody: a rank that lost its core for a moment tells nothing.
        runner.samples.push(runner === idle ? median(times) : Math.max(...times));
      }
    }
    const short = active.filter((runner) => runner.isShort);
    if (short.length > 0 && restarts++ < MOST_RESTARTS) {
      for (const runner of short) runner.calibrate();
      for (const runner of everybody) runner.samples.length = 0;
      active = everybody;
      round = 0;
      continue;
    }
    const seconds = Math.max(...all.map((rank) => rank.seconds));
    const isTold = runners.every((runner) => net(runner, idle).median > LEAST_US);
    if (seconds > options.seconds * (isTold ? 1 : MORE_TIME)) return;
    active = unsettled(runners, active, idle, options.precision);
    if (active.length === 0) return;
  }
}

/** Who still has to be timed: nobody when all that matters is known. */
function unsettled(
  runners: readonly Runner[],
  active: readonly Runner[],
  idle: Runner,
  precision: number,
): Runner[] {
  const estimates = new Map(runners.map((runner) => [runner, net(runner, idle)]));
  const best = Math.min(...[...estimates.values()].map((e) => e.median));
  if (best <= LEAST_US) return [...runners, idle];
  const leader = [...estimates].find(([, e]) => e.median === best)!;
  const precise = (e: Estimate): boolean => e.spread <= precision * e.median;
  // By the low end: of a few samples that others disturbed, the median says nothing.
  const near = active.filter((runner) => runner !== idle && estimates.get(runner)!.low <= HOPELESS * best);
  const open = near.filter((runner) => {
    const e = estimates.get(runner)!;
    return !precise(e) && (runner === leader[0] || e.low <= leader[1].high);
  });
  return open.length > 0 ? [...near, idle] : [];
}

/** One contender's way of making a sample. */
class Runner {
  readonly samples: number[] = [];
  readonly #comm: Communicator;
  readonly #workload: Workload;
  readonly #choice: Choice | null;
  readonly #recording: Recording | undefined;
  /** Operations between two clock readings: calls, or replays times RECORDED. */
  #repeats = 1;

  constructor(comm: Communicator, workload: Workload, choice: Choice | null, mode: Mode) {
    this.#comm = comm;
    this.#workload = workload;
    this.#choice = choice;
    if (mode === 'replay') {
      this.#recording = comm.capture(() => {
        for (let i = 0; i < this.#operations; i++) workload.run(choice);
      });
    }
  }

  /** Operations in a recording: every buffer set as often as the others, and once where an operation takes long enough by itself. */
  get #operations(): number {
    const { sets, bytes } = this.#workload;
    const clock = this.#comm.engine.timer ? 'device' : 'host';
    return bytes >= LONG_BYTES[clock] ? sets : Math.max(1, Math.floor(RECORDED[clock] / sets)) * sets;
  }

  /** Warms up, and sets the repeats so that a sample lasts long enough, or one operation. All ranks agree on the number. */
  calibrate(): void {
    this.sample();
    const wanted = this.#wantedUs;
    for (let k = 0; k < 4; k++) {
      const total = Math.max(...this.#comm.group.gather(this.sample() * this.#perSample));
      if (total >= wanted / 2) break;
      this.#repeats = Math.min(
        MOST_REPEATS,
        Math.max(this.#repeats + 1, Math.ceil((this.#repeats * wanted) / Math.max(total, 0.1))),
      );
    }
  }

  /** Whether samples are shorter than they should be: the host was slow while it was found out how many operations they need. */
  get isShort(): boolean {
    return this.#repeats < MOST_REPEATS && Math.min(...this.samples) * this.#perSample < this.#wantedUs / 4;
  }

  get #wantedUs(): number {
    return this.#comm.engine.timer ? DEVICE_SAMPLE_US : SAMPLE_US;
  }

  /** Microseconds an operation on this rank, in one sample: by the device's clock where it has one. */
  sample(): number {
    this.#comm.group.barrier();
    const { timer } = this.#comm.engine;
    if (timer) return this.#sampleOnDevice(timer);
    const start = process.hrtime.bigint();
    if (this.#recording) this.#recording.replay(this.#repeats);
    else for (let i = 0; i < this.#repeats; i++) this.#workload.run(this.#choice);
    this.#comm.synchronize();
    return Number(process.hrtime.bigint() - start) / 1e3 / this.#perSample;
  }

  /** All ranks' devices start together, and what the host takes to enqueue counts only as far as the device waits for it. */
  #sampleOnDevice(timer: Timer): number {
    const recording = this.#recording;
    // Replays of nothing would be timed as what it takes to start them, which is hidden behind the work of others.
    if (recording?.launches === 0) return 0;
    this.#comm.meet();
    // While the device is busy with one more, the host enqueues what is timed; where one replay is a sample, that does not matter.
    if (this.#repeats > 1) {
      if (recording) recording.enqueue!(1);
      else this.#workload.run(this.#choice);
    }
    timer.start();
    if (recording) recording.enqueue!(this.#repeats);
    else for (let i = 0; i < this.#repeats; i++) this.#workload.run(this.#choice);
    timer.stop();
    return timer.microseconds() / this.#perSample;
  }

  get #perSample(): number {
    return this.#recording ? this.#repeats * this.#operations : this.#repeats;
  }

  close(): void {
    this.#recording?.close();
  }
}
