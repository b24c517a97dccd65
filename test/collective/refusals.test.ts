import { expect, it } from 'vitest';
import { describeEngines, runProgram } from './support/engines.ts';

describeEngines('memory that something else allocated', (engine) => {
  it('is used like any other on GPUs, and refused on the CPU', async () => {
    const { problems, cases } = await runProgram('external', engine, 2, { rounds: 1 });
    expect(problems).toEqual([]);
    expect(cases).toBeGreaterThan(engine === 'cpu' ? 1 : 100);
  });
});

describeEngines('bad input', (engine) => {
  it.each([
    { program: 'refusals-collectives', least: 60 },
    { program: 'refusals-norm', least: 60 },
    { program: 'refusals-memory', least: 38 },
  ])('is refused in words: $program', async ({ program, least }) => {
    const { problems, cases } = await runProgram(program, engine, 2);
    expect(problems).toEqual([]);
    expect(cases).toBeGreaterThan(2 * least);
  });
});
