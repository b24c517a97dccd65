import { expect, it } from 'vitest';
import { describeEngines, runProgram } from './support/engines.ts';

describeEngines(
  'dispatch',
  (engine) => {
    it.each([{ ranks: 1 }, { ranks: 2 }])('follows the plan with $ranks ranks', async ({ ranks }) => {
      const { problems, cases } = await runProgram('dispatch', engine, ranks);
      expect(problems).toEqual([]);
      expect(cases).toBe(30 * ranks);
    });
  },
  ['cpu'],
);
