/**
 * @file Times decode steps of contenders against each other. A sample starts at the same state as all others (the same tokens at the same places) and runs all
 * steps without the host in between, each step's tokens being the next one's input; the slowest rank counts. Contenders take turns, in an order that
 * rotates, so that drift of the machine hits all alike.
 */
import type { Communicator } from '../../collective/communicator.ts';
import type { Recording } from '../../engine/engine.ts';
import { type Estimate, estimate } from '../../measure/statistics.ts';

export interface Contender {
  /** One step: the graph, and what makes its tokens the next step's input. */
  readonly recording: Recording;
  /** Puts tokens, places and counters back to where a sample starts. */
  reset(): void;
}

export interface Timed {
  /** A step, us. */
  readonly us: Estimate;
}

export interface DecodeTiming {
  readonly steps: number;
  /** Samples of each contender. */
  readonly rounds: number;
}

/**
 * Collective. One result a contender, in their order; `watch` is called behind every sample of the first round, with the contender's number, and `report` before every
 * sample of all rounds.
 */
export function timeDecode(
  comm: Communicator,
  contenders: readonly Contender[],
  { steps, rounds }: DecodeTiming,
  watch: (contender: number) => void,
  report: (done: number, contender: number) => void,
): Timed[] {
  const own: number[][] = contenders.map(() => []);
  for (let round = -1; round < rounds; round++) {
    for (let i = 0; i < contenders.length; i++) {
      const at = (i + Math.max(0, round)) % contenders.length;
      report((round + 1 + i / contenders.length) / (rounds + 1), at);
      const us = sample(comm, contenders[at]!, steps);
      // The first round warms up, and its tokens are looked at.
      if (round < 0) watch(at);
      else own[at]!.push(us);
    }
  }
  const all = comm.group.gather(own);
  return contenders.map((_, i) => {
    const samples = own[i]!.map((_, k) => Math.max(...all.map((rank) => rank[i]![k]!)));
    return { us: estimate(samples) };
  });
}

/** Microseconds a step on this rank: by the device's clock where it has one. */
function sample(comm: Communicator, contender: Contender, steps: number): number {
  contender.reset();
  comm.synchronize();
  comm.group.barrier();
  const { recording } = contender;
  const { timer } = comm.engine;
  if (timer && recording.enqueue) {
    comm.meet();
    timer.start();
    recording.enqueue(steps);
    timer.stop();
    return timer.microseconds() / steps;
  }
  const start = process.hrtime.bigint();
  // One by one: a rank that is in one call for as long as all steps take looks like one that hangs.
  for (let i = 0; i < steps; i++) recording.replay();
  comm.synchronize();
  return Number(process.hrtime.bigint() - start) / 1e3 / steps;
}
