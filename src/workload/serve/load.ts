/**
 * @file The requests of a run: Poisson arrivals, lengths and token ids, all from one seed. A request has the same length and tokens at every rate, and arrivals
 * are those of rate 1 moved together: what differs between two runs is then the rate, or the variant, and not the luck of the draw.
 */
import { CrossoverError } from '../../errors.ts';
import { seeded } from '../../measure/random.ts';
import { pagesFor } from '../session/capacity.ts';
import { type Lengths, placesOf } from './lengths.ts';
import type { StepLimits } from './runner.ts';

export interface LoadRequest {
  readonly id: number;
  /** Seconds from the start. */
  readonly arrival: number;
  readonly prompt: Int32Array;
  /** Tokens to generate, 1 or more. */
  readonly output: number;
}

export interface LoadOptions {
  /** Requests a second. */
  readonly rate: number;
  /** Seconds in which requests arrive. */
  readonly seconds: number;
  readonly lengths: Lengths;
  readonly vocabulary: number;
  readonly seed: number;
}

/** So many at most: a rate and a time that nobody means would take all memory. */
export const MOST_REQUESTS = 1_000_000;

/** Requests in the order in which they arrive; one at least, at the end of the time if none came before. */
export function makeLoad({ rate, seconds, lengths, vocabulary, seed }: LoadOptions): LoadRequest[] {
  if (rate * seconds > MOST_REQUESTS) {
    throw new CrossoverError(
      `${rate} requests a second for ${seconds} seconds are more than ${MOST_REQUESTS}; use a lower rate or a shorter time`,
    );
  }
  const [gaps, sizes, tokens] = [1, 2, 3].map((stream) => seeded(Math.imul(seed, 4) + stream));
  const requests: LoadRequest[] = [];
  for (let at = 0; ; ) {
    // From 0 to below 1, so that the logarithm is of more than 0.
    at += -Math.log(1 - gaps!()) / rate;
    if (at >= seconds && requests.length > 0) return requests;
    const { input, output } = lengths.draw(sizes!);
    const prompt = Int32Array.from({ length: input }, () => Math.floor(tokens!() * vocabulary));
    requests.push({ id: requests.length, arrival: Math.min(at, seconds), prompt, output });
  }
}

/**
 * Refuses, before anything runs, requests that could never be served.
 * @throws CrossoverError
 */
export function checkLoad(requests: readonly LoadRequest[], limits: StepLimits): void {
  const { places, pageSize, pages } = limits;
  for (const { id, prompt, output } of requests) {
    const needed = placesOf({ input: prompt.length, output });
    const what = `request ${id} has ${prompt.length} tokens and generates ${output}`;
    if (prompt.length < 1 || output < 1) throw new CrossoverError(`${what}; it needs one of each at least`);
    if (needed > places) {
      throw new CrossoverError(`${what}: ${needed} places, and a sequence has ${places}; use shorter ones`);
    }
    if (pagesFor(needed, pageSize) > pages - 1) {
      throw new CrossoverError(
        `${what}: ${pagesFor(needed, pageSize)} pages of ${pageSize} places, and there are ${pages - 1}; use shorter ones`,
      );
    }
  }
}
