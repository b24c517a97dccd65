/**
 * @file Replays requests against a clock: admits those that have arrived, runs steps, and notes when each token was there. Clock and executor are given, so that
 * tests run in a time of their own.
 */
import { CrossoverError } from '../../errors.ts';
import type { LoadRequest } from './load.ts';
import type { StepLimits } from './runner.ts';
import { type Sampled, type Schedule, Scheduler, type Step } from './scheduler.ts';

export interface Clock {
  /** Seconds, from whenever. */
  now(): number;
  /** Resolves when `now()` is no less than this. */
  until(seconds: number): Promise<void>;
}

/** When the tokens of a request were there. */
export interface RequestTimes {
  readonly id: number;
  /** Seconds from the start of the run, as all times here. */
  readonly arrival: number;
  readonly promptTokens: number;
  /** Of each generated token. */
  readonly tokens: readonly number[];
}

export interface ReplayOptions {
  readonly limits: StepLimits;
  readonly schedule: Schedule;
  readonly vocabulary: number;
  readonly clock: Clock;
  /** Runs a step, on all ranks. */
  readonly step: (step: Step) => Int32Array;
  /** After every step. */
  readonly onStep?: ((state: ReplayState) => void) | undefined;
}

export interface ReplayState {
  readonly seconds: number;
  readonly ended: number;
  readonly running: number;
  readonly waiting: number;
  readonly generated: number;
}

/** Runs all requests to their ends. `requests` are in the order of their arrivals, and have been checked: see checkLoad. */
export async function replay(
  requests: readonly LoadRequest[],
  { limits, schedule, vocabulary, clock, step: run, onStep }: ReplayOptions,
): Promise<RequestTimes[]> {
  const scheduler = new Scheduler(limits, schedule);
  const times = requests.map(({ id, arrival, prompt }): RequestTimes & { tokens: number[] } => ({
    id,
    arrival,
    promptTokens: prompt.length,
    tokens: [],
  }));
  const byRequest = new Map(requests.map((request, i) => [request, times[i]!]));
  const start = clock.now();
  let arrived = 0;
  let ended = 0;
  let generated = 0;
  while (ended < requests.length) {
    // The same sum as below, so that what was waited for is there, however it rounds.
    while (arrived < requests.length && start + requests[arrived]!.arrival <= clock.now()) {
      scheduler.add(requests[arrived++]!);
    }
    const step = scheduler.next();
    if (step === undefined) {
      const next = requests[arrived];
      if (next === undefined) throw new CrossoverError('serving: requests wait, and nothing can be run');
      await clock.until(start + next.arrival);
      continue;
    }
    const sampled = scheduler.finish(checked(run(step), step, vocabulary));
    const seconds = clock.now() - start;
    for (const { request } of sampled) byRequest.get(request)!.tokens.push(seconds);
    ended += endedIn(sampled);
    generated += sampled.length;
    onStep?.({ seconds, ended, generated, running: scheduler.running, waiting: scheduler.waiting });
  }
  return times;
}

function endedIn(sampled: readonly Sampled[]): number {
  return sampled.filter((one) => one.ended).length;
}

/** A model that gives no tokens, or no numbers to choose one by, is not measured. */
function checked(tokens: Int32Array, { samples }: Step, vocabulary: number): Int32Array {
  if (tokens.length !== samples.length) {
    throw new CrossoverError(`serving: a step gave ${tokens.length} tokens in place of ${samples.length}`);
  }
  const wrong = tokens.find((token) => token < 0 || token >= vocabulary);
  if (wrong !== undefined) {
    throw new CrossoverError(
      `serving: a step gave token ${wrong}, and there are tokens 0 to ${vocabulary - 1}; the model's outputs are no numbers`,
    );
  }
  return tokens;
}

/** Nearer than this it is waited for without sleeping, s: a timer may be so late. */
const TIMER_SLACK = 0.002;

/** The time on the wall. */
export const WALL_CLOCK: Clock = {
  now: () => performance.now() / 1000,
  until: async (seconds) => {
    const left = (): number => seconds - performance.now() / 1000;
    // A sleep turns the event loop, by which a watchdog sees that this rank is there.
    while (left() > TIMER_SLACK) {
      const ms = Math.min(1000, (left() - TIMER_SLACK) * 1000);
      await new Promise((resolve) => setTimeout(resolve, ms));
    }
    while (left() > 0);
  },
};
