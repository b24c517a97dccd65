import { expect, it } from 'vitest';
import { describeEngines, runProgram, servedBy } from './support/engines.ts';

describeEngines('fused all-reduce and RMSNorm', (engine) => {
  it.each(
    servedBy(engine, [
      { ranks: 1, every: 2 },
      { ranks: 2, every: 1 },
      { ranks: 3, every: 3 },
      { ranks: 4, every: 4 },
      { ranks: 8, every: 12 },
    ]),
  )('gives the bits of the unfused program with $ranks ranks', async ({ ranks, every }) => {
    const { problems, cases } = await runProgram('fused', engine, ranks, { every });
    expect(problems).toEqual([]);
    expect(cases).toBeGreaterThan(1000 / every);
  });
});
