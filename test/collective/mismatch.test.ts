import { expect, it } from 'vitest';
import { describeEngines, runProgram } from './support/engines.ts';

// On GPUs a disagreement ends the engine; test/gpu/faults has those.
describeEngines(
  'ranks that disagree',
  (engine) => {
    it.each([{ ranks: 2 }, { ranks: 3 }])('are told how, all $ranks, and may go on', async ({ ranks }) => {
      const { problems, cases } = await runProgram('mismatch', engine, ranks);
      expect(problems).toEqual([]);
      expect(cases).toBe(3 * 23 * ranks);
    });
  },
  ['cpu'],
);

describeEngines('ranks that allocate differently', (engine) => {
  it('are named, with the step', async () => {
    const { problems, cases } = await runProgram('allocation', engine, 3);
    expect(problems).toEqual([]);
    expect(cases).toBe(3 * 7);
  });
});
