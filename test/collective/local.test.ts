import { expect, it } from 'vitest';
import { describeEngines, runProgram } from './support/engines.ts';

describeEngines('local operations', (engine) => {
  it('add, normalize and quantize without other ranks', async () => {
    const { problems, cases } = await runProgram('local', engine, 2);
    expect(problems).toEqual([]);
    expect(cases).toBeGreaterThan(500);
  });
});
