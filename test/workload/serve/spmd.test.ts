/** @file Several ranks: all run the same steps in the same order, on the wall's clock, and all end, whoever fails. */
import { expect, test } from 'vitest';
import { launch } from '../../../dist/group/launch.js';
import { program } from '../../support/program.ts';
import type { Ran } from './ranks.ts';

const PROGRAM = program('./ranks.ts', import.meta.url);

test('ranks run the same batches, and end with the last word of rank 0', async () => {
  const [first, ...others] = await launch<Ran>(PROGRAM, { ranks: 3, data: -1 });
  expect(first!.steps).toBeGreaterThan(20);
  expect(first!.requests).toBeGreaterThan(8);
  for (const { steps, hash, requests } of others) {
    expect([steps, hash, requests]).toEqual([first!.steps, first!.hash, 0]);
  }
});

test.each([0, 1])('when rank %i fails, all end, and the error names it', async (rank) => {
  await expect(launch<Ran>(PROGRAM, { ranks: 2, data: rank })).rejects.toThrow(
    new RegExp(`^rank ${rank}.*out of luck`),
  );
});
