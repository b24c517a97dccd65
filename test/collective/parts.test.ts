import { expect, it } from 'vitest';
import { describeEngines, runProgram, servedBy } from './support/engines.ts';

describeEngines('unequal parts', (engine) => {
  it.each(
    servedBy(engine, [
      { ranks: 1, cases: 10, most: 3000 },
      { ranks: 2, cases: 30, most: 40_000 },
      { ranks: 3, cases: 15, most: 20_000 },
      { ranks: 4, cases: 10, most: 5000 },
      { ranks: 5, cases: 5, most: 1000 },
      { ranks: 8, cases: 5, most: 300 },
    ]),
  )('of $ranks ranks are gathered and reduced', async ({ ranks, ...options }) => {
    const { problems, cases } = await runProgram('parts', engine, ranks, options);
    expect(problems).toEqual([]);
    expect(cases).toBeGreaterThan(10 * ranks * options.cases);
  });
});
