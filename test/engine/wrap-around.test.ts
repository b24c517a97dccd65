import { expect, it } from 'vitest';
import { runProgram } from '../collective/support/engines.ts';

it.each([{ ranks: 2 }, { ranks: 3 }])(
  'the counters of $ranks CPU ranks wrap around unnoticed',
  async ({ ranks }) => {
    const { problems, cases } = await runProgram('wrap-around', 'cpu', ranks);
    expect(problems).toEqual([]);
    expect(cases).toBe(30 * ranks);
  },
);
