import { expect, it } from 'vitest';
import { describeEngines, runProgram, servedBy } from './support/engines.ts';

describeEngines('recordings', (engine) => {
  it.each(
    servedBy(engine, [
      { ranks: 1, rounds: 12 },
      { ranks: 2, rounds: 24 },
      { ranks: 4, rounds: 12 },
    ]),
  )('give what calls give, with $ranks ranks', async ({ ranks, rounds }) => {
    const { problems, cases } = await runProgram('replay', engine, ranks, { rounds });
    expect(problems).toEqual([]);
    expect(cases).toBeGreaterThan(4 * ranks * rounds);
  });

  it.each(
    servedBy(engine, [
      { ranks: 2, replays: 10_000 },
      { ranks: 4, replays: 1_000 },
    ]),
  )('read nothing stale in $replays replays by $ranks ranks', async ({ ranks, replays }) => {
    const { problems } = await runProgram('counting', engine, ranks, { replays });
    expect(problems).toEqual([]);
  });
});
