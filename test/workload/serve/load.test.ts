/** @file Arrivals and lengths: what is drawn, that it is the same for the same seed, and what is refused. */
import { expect, test } from 'vitest';
import { seeded } from '../../../dist/measure/random.js';
import { fitLengths, parseLengths, placesOf } from '../../../dist/workload/serve/lengths.js';
import { makeLoad } from '../../../dist/workload/serve/load.js';

const FIXED = parseLengths('fixed:4,2');

function load(rate: number, seconds: number, seed = 1) {
  return makeLoad({ rate, seconds, lengths: FIXED, vocabulary: 100, seed });
}

test('arrivals are a Poisson process: gaps of the mean and spread that they have to have, and no memory', () => {
  const requests = load(8, 2500);
  const gaps = requests.map(({ arrival }, i) => arrival - (requests[i - 1]?.arrival ?? 0));
  const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
  const variance = gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length;
  const deviation = 1 / 8 / Math.sqrt(gaps.length);
  expect(Math.abs(mean - 1 / 8)).toBeLessThan(4 * deviation);
  // Of an exponential distribution, the standard deviation is the mean.
  expect(Math.abs(Math.sqrt(variance) / mean - 1)).toBeLessThan(0.05);
  expect(Math.abs(requests.length - 20_000)).toBeLessThan(4 * Math.sqrt(20_000));
  // Longer than t with probability exp(-rate t).
  for (const t of [0.05, 0.1, 0.3]) {
    const share = gaps.filter((gap) => gap > t).length / gaps.length;
    expect(Math.abs(share - Math.exp(-8 * t))).toBeLessThan(0.015);
  }
  const products = gaps.slice(1).map((gap, i) => (gap - mean) * (gaps[i]! - mean));
  const correlation = products.reduce((sum, one) => sum + one, 0) / products.length / variance;
  expect(Math.abs(correlation)).toBeLessThan(0.03);
});

test('a request is the same at every rate, and arrives so many times as early', () => {
  const lengths = parseLengths('uniform:1-50,1-9');
  const [slow, fast] = [2, 10].map((rate) =>
    makeLoad({ rate, seconds: 100 / rate, lengths, vocabulary: 1000, seed: 3 }),
  );
  expect(slow!.length).toBe(fast!.length);
  for (const [i, one] of slow!.entries()) {
    expect(fast![i]!.prompt).toEqual(one.prompt);
    expect(fast![i]!.output).toBe(one.output);
    expect(fast![i]!.arrival * 5).toBeCloseTo(one.arrival, 9);
  }
  expect(makeLoad({ rate: 2, seconds: 50, lengths, vocabulary: 1000, seed: 3 })).toEqual(slow);
  expect(makeLoad({ rate: 2, seconds: 50, lengths, vocabulary: 1000, seed: 4 })).not.toEqual(slow);
  const tokens = slow!.flatMap(({ prompt }) => [...prompt]);
  expect(Math.min(...tokens)).toBeGreaterThanOrEqual(0);
  expect(Math.max(...tokens)).toBeLessThan(1000);
});

test('there is one request at least, and not more than anybody means', () => {
  const [only, ...others] = load(0.001, 1);
  expect(others).toEqual([]);
  expect(only!.arrival).toBe(1);
  expect(() => load(1e6, 60)).toThrow('1000000 requests a second for 60 seconds are more than');
});

test('sonnet: prompts of 543 tokens, give or take 6 and never above 550; outputs of 150', () => {
  const lengths = parseLengths('sonnet');
  const random = seeded(5);
  const draws = Array.from({ length: 4000 }, () => lengths.draw(random));
  const inputs = draws.map(({ input }) => input);
  const mean = inputs.reduce((sum, one) => sum + one, 0) / inputs.length;
  const deviation = Math.sqrt(inputs.reduce((sum, one) => sum + (one - mean) ** 2, 0) / inputs.length);
  expect(mean).toBeGreaterThan(542);
  expect(mean).toBeLessThan(544);
  expect(deviation).toBeGreaterThan(5);
  expect(deviation).toBeLessThan(7);
  expect(Math.max(...inputs)).toBe(550);
  expect(new Set(draws.map(({ output }) => output))).toEqual(new Set([150]));
});

test('sonnet is shortened to the places there are; numbers are taken at their word', () => {
  const sonnet = parseLengths('sonnet');
  expect(fitLengths(sonnet, 4096)).toBe(sonnet);
  for (const places of [1, 2, 64, 256, 698]) {
    const { most, draw } = fitLengths(sonnet, places);
    expect(placesOf(most)).toBeLessThanOrEqual(places);
    const random = seeded(places);
    for (let i = 0; i < 50; i++) {
      const { input, output } = draw(random);
      expect(input).toBeGreaterThanOrEqual(1);
      expect(input).toBeLessThanOrEqual(most.input);
      expect(output).toBe(most.output);
    }
  }
  expect(fitLengths(sonnet, 256).most).toEqual({ input: 201, output: 54 });
  expect(() => fitLengths(parseLengths('fixed:200,100'), 256)).toThrow(
    'prompts of 200 tokens with outputs of 100 need 299 places, and a sequence has 256; use shorter ones in --prompt fixed:200,100',
  );
  expect(fitLengths(parseLengths('fixed:200,57'), 256).most).toEqual({ input: 200, output: 57 });
});

test('uniform lengths reach both ends; what is no form is refused', () => {
  const { draw, most } = parseLengths('uniform:3-5,1-2');
  const random = seeded(2);
  const draws = Array.from({ length: 200 }, () => draw(random));
  expect(new Set(draws.map(({ input }) => input))).toEqual(new Set([3, 4, 5]));
  expect(new Set(draws.map(({ output }) => output))).toEqual(new Set([1, 2]));
  expect(most).toEqual({ input: 5, output: 2 });
  for (const text of ['', 'poem', 'fixed:1', 'fixed:1,x', 'uniform:1-2', 'fixed:-1,2', 'sonnet:2']) {
    expect(() => parseLengths(text)).toThrow(`--prompt is "${text}"; use sonnet, fixed:IN,OUT`);
  }
  for (const text of ['fixed:0,1', 'uniform:5-3,1-2', 'fixed:1,0', 'fixed:99999999999,1']) {
    expect(() => parseLengths(text)).toThrow('lengths are whole numbers from 1 to');
  }
});
