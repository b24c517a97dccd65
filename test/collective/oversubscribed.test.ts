import { expect, it } from 'vitest';
import { describeEngines, runProgram } from './support/engines.ts';

describeEngines(
  'more ranks than cores',
  (engine) => {
    it.each([{ ranks: 8 }, { ranks: 16 }])('finish 300 collectives with $ranks ranks', async ({ ranks }) => {
      const { problems, cases } = await runProgram('mixed', engine, ranks, { steps: 300 });
      expect(problems).toEqual([]);
      expect(cases).toBe(4);
    });
  },
  ['cpu'],
);
