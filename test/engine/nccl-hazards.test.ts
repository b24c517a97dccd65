/** @file Which versions of NCCL have which hazards: both sides of each border. */
import { expect, test } from 'vitest';
import {
  hazards,
  needsFence,
  symmetricRefusal,
  windowMayBeSham,
} from '../../dist/engine/cuda/nccl-hazards.js';

const has = (version: number, words: string): boolean =>
  hazards(version).some(({ what }) => what.includes(words));

test.each([
  ['do not wait for the kernel before them', 22803, 23004],
  ['reports success where it is not supported', 22800, 22902],
  ['no ncclCommInitRankScalable', 21805, 22299],
  ['no symmetric memory before', 22300, 22702],
  ['cannot be told from registrations that failed', 22703, 22799],
  ['poll with acquire loads', 22907, 23006],
  ['deadlocks of 2.29.7', 22907, 22907],
  ['small all-reduces of 2.29', 22900, 22999],
])('%s: %i to %i', (words, from, to) => {
  expect([from, to].map((version) => has(version, words))).toEqual([true, true]);
  expect(has(to + 1, words)).toBe(false);
  if (from > 21805) expect(has(from - 1, words)).toBe(false);
});

test('multicast slots: from 2.29 on', () => {
  expect([22809, 22900, 23206].map((version) => has(version, 'multicast slots'))).toEqual([
    false,
    true,
    true,
  ]);
});

test('the fence, the look at windows, and the refusal go by the same borders', () => {
  expect([22802, 22803, 22809, 23004, 23005, 23007].map(needsFence)).toEqual([
    false,
    true,
    true,
    true,
    false,
    false,
  ]);
  expect([22799, 22800, 22902, 22903].map(windowMayBeSham)).toEqual([false, true, true, false]);
  expect(symmetricRefusal(22703)).toBe(
    'NCCL 2.27.3 has no symmetric windows that can be relied on; 2.28 is the first',
  );
  expect(symmetricRefusal(22803)).toBeUndefined();
});

test('what PyTorch 2.11 ships', () => {
  expect(hazards(22809).map(({ what }) => what.split(' ').slice(0, 3).join(' '))).toEqual([
    'symmetric kernels of',
    'window registration reports',
  ]);
});

test('every hazard says what follows and what to do', () => {
  for (const version of [22000, 22500, 22703, 22809, 22907, 23007]) {
    for (const { what, consequence, remedy } of hazards(version))
      expect([what, consequence, remedy].every((text) => text.length > 10)).toBe(true);
  }
});
