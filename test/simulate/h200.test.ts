/**
 * @file A second host, of another kind: 4x H200 over NVLink, with nothing fitted. The preset's link is nominal, its
 * efficiencies are all-to-all rates, its latency rests on two small sizes; sizes at which bytes decide are predictions.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { findAlgorithm } from '../../dist/simulate/algorithms/index.js';
import { predict } from '../../dist/simulate/cost.js';
import { parseMeasurements } from '../../dist/simulate/measurement.js';
import { preset } from '../../dist/simulate/presets.js';

const measurements = parseMeasurements(
  readFileSync(new URL('../data/all_reduce_4xh200.json', import.meta.url), 'utf8'),
);
const host = preset('h200-nvlink-4');

function errors(name: string, from: number): number[] {
  const algorithm = findAlgorithm('all_reduce', name);
  return measurements
    .filter((m) => m.algorithm === name && m.bytes >= from)
    .map((m) => Math.abs(predict(host, algorithm, m.bytes).us / m.us - 1));
}

describe('4x H200', () => {
  it.each([
    ['one_shot', 8 * 1024],
    ['two_shot', 8 * 1024],
    ['one_shot_push', 512 * 1024],
    ['two_shot_push', 512 * 1024],
    ['two_shot_mixed', 4 * 2 ** 20],
    // Below, NCCL's steps over NVLink cost more than one latency (ring.ts).
    ['ring', 16 * 2 ** 20],
  ])('%s from %i bytes up is within 15 %%', (name, from) => {
    const all = errors(name, from);
    expect(all.length).toBeGreaterThanOrEqual(3);
    expect(Math.max(...all)).toBeLessThan(0.15);
  });

  it('orders the two-shots as measured at 16 MB: pushed, mixed, then read', () => {
    const us = (name: string): number => predict(host, findAlgorithm('all_reduce', name), 2 ** 24).us;
    expect(us('two_shot_push')).toBeLessThan(us('two_shot_mixed'));
    expect(us('two_shot_mixed')).toBeLessThan(us('two_shot'));
  });
});
