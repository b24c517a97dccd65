import { expect, it } from 'vitest';
import { describeEngines, runProgram, servedBy } from './support/engines.ts';

describeEngines('all-gather and broadcast', (engine) => {
  it.each(
    servedBy(engine, [
      { ranks: 1, small: 12, large: 2 },
      { ranks: 2, small: 72, large: 9 },
      { ranks: 3, small: 24, large: 3 },
      { ranks: 4, small: 12, large: 2 },
      { ranks: 7, small: 7, large: 1 },
      { ranks: 8, small: 8, large: 1 },
      { ranks: 16, small: 6, large: 0 },
    ]),
  )('move every byte with $ranks ranks', async ({ ranks, ...options }) => {
    const { problems, cases } = await runProgram('move', engine, ranks, options);
    expect(problems).toEqual([]);
    expect(cases).toBeGreaterThan(8 * ranks * options.small);
  });
});
