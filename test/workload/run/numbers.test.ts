/**
 * @file A model that gives no numbers for one of many sequences is not measured, however many choices and ranks there are; and steps that there is no room for are refused.
 */
import { expect, it } from 'vitest';
import { launch } from '../../../dist/group/launch.js';
import { describeEngines, servedBy } from '../../collective/support/engines.ts';
import { program } from '../../support/program.ts';
import type { Said } from './programs/numbers.ts';

describeEngines('a held model', (engine) => {
  it.each(
    servedBy(engine, [
      { ranks: 1, choices: 1 },
      { ranks: 2, choices: 1 },
      { ranks: 2, choices: 50 },
    ]),
  )('tells a sample without numbers, $choices choices of $ranks ranks', async ({ ranks, choices }) => {
    const [said] = await launch<Said>(program('./programs/numbers.ts', import.meta.url), {
      ranks,
      data: { engine, choices },
    });
    expect(said).toEqual({
      whole: 'nothing',
      none: expect.stringContaining("tiny: the model's outputs are no numbers (-Infinity)"),
      some: 'nothing',
      tokens: 'tokens is 9; it is a whole number from 1 to 8',
      samples: 'samples is 5; it is a whole number from 1 to 4',
    });
  });
});
