/** @file Several ranks on one GPU: what the environment says, and what follows from it without a driver. */
import { afterEach, expect, test, vi } from 'vitest';
import { gpusFor, partOf, problemWithNccl, ranksPerGpu } from '../../dist/engine/cuda/sharing.js';
import type { Group } from '../../dist/group/group.js';

afterEach(() => {
  vi.unstubAllEnvs();
});

const share = (ranks: string): void => void vi.stubEnv('CROSSOVER_RANKS_PER_GPU', ranks);

test('a rank has a GPU, or what the environment says', () => {
  vi.stubEnv('CROSSOVER_RANKS_PER_GPU', undefined);
  expect([ranksPerGpu(), gpusFor(5)]).toEqual([1, 5]);
  share('');
  expect([ranksPerGpu(), gpusFor(1)]).toEqual([1, 1]);
  share('3');
  expect([3, 4, 6, 7, 8].map(gpusFor)).toEqual([1, 2, 2, 3, 3]);
});

test.each(['0', '9', '-1', '1.5', 'two', 'NaN', '1e9'])('%s ranks a GPU are refused', (text) => {
  share(text);
  expect(() => ranksPerGpu()).toThrow(
    `$CROSSOVER_RANKS_PER_GPU is "${text}"; use a whole number from 1 to 8`,
  );
});

test('only threads share a GPU', () => {
  share('2');
  const group = { kind: 'processes', rank: 0 } as Group;
  expect(() => partOf(group)).toThrow('only threads of one process can share a GPU');
  share('1');
  expect(partOf(group)).toBe(undefined);
});

test('NCCL takes one rank a GPU', () => {
  share('2');
  expect(problemWithNccl()).toContain('one rank a GPU');
  share('1');
  expect(problemWithNccl()).toBe(undefined);
});
