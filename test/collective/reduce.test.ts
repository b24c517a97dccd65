import { expect, it } from 'vitest';
import { describeEngines, runProgram, servedBy } from './support/engines.ts';

describeEngines('all-reduce and reduce-scatter', (engine) => {
  // More ranks than cores take turns, so they get fewer cases.
  it.each(
    servedBy(engine, [
      { ranks: 1, small: 144, large: 10 },
      { ranks: 2, small: 144, large: 10 },
      { ranks: 3, small: 24, large: 4 },
      { ranks: 4, small: 12, large: 3 },
      { ranks: 7, small: 6, large: 1 },
      { ranks: 8, small: 6, large: 1 },
      { ranks: 16, small: 3, large: 1 },
    ]),
  )('are right with $ranks ranks', async ({ ranks, ...options }) => {
    const { problems, cases } = await runProgram('reduce', engine, ranks, options);
    expect(problems).toEqual([]);
    expect(cases).toBeGreaterThan(20 * options.small);
  });
});
