/** @file `Workload.check` accepts right results, and finds wrong ones: nothing written, another kernel, a single element. */
import { expect, test } from 'vitest';
import { launch } from '../../dist/group/launch.js';
import { program } from '../support/program.ts';
import type { Checked } from './programs/check.ts';

const PROGRAM = program('./programs/check.ts', import.meta.url);

test('finds what is wrong, on the rank where it is wrong', async () => {
  const ranks = await launch<Checked[]>(PROGRAM, { ranks: 2 });
  expect(ranks[0]!.length).toBeGreaterThan(15);
  for (const [rank, all] of ranks.entries()) {
    for (const { name, fault, message } of all) {
      const expected =
        fault === 'none' ? /^right$/ : /is wrong at (element \d+ of \d+|token \d+, column \d+): .*must be/;
      // One element is corrupted on the last rank only.
      const here = fault === 'one element' && rank !== ranks.length - 1 ? /^right$/ : expected;
      expect(message, `${name}, ${fault}, rank ${rank}`).toMatch(here);
    }
  }
});

test('says which element it is', async () => {
  const [, last] = await launch<Checked[]>(PROGRAM, { ranks: 2 });
  const { message } = last!.find(({ name, fault }) => name === 'all_reduce' && fault === 'one element')!;
  expect(message).toMatch(/^all_reduce two_shot is wrong at element 4999 of 5000: /);
});
