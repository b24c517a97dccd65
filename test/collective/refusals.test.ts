import { expect, it } from 'vitest';
import { describeEngines, runProgram } from './support/engines.ts';

describeEngines('bad input', (engine) => {
  it.each([
    { program: 'refusals-collectives', least: 60 },
    { program: 'refusals-norm', least: 60 },
    { program: 'refusals-memory', least: 34 },
  ])('is refused in words: $program', async ({ program, least }) => {
    const { problems, cases } = await runProgram(program, engine, 2);
    expect(problems).toEqual([]);
    expect(cases).toBeGreaterThan(2 * least);
  });
});
