import { expect, it } from 'vitest';
import { describeEngines, runProgram } from './support/engines.ts';

describeEngines(
  'more ranks than cores',
  (engine) => {
    it('finish 300 collectives with 16 ranks', async () => {
      const { problems, cases } = await runProgram('mixed', engine, 16, { steps: 300 });
      expect(problems).toEqual([]);
      expect(cases).toBe(4);
    });
  },
  ['cpu'],
);
