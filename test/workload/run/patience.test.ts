/**
 * @file A sample of decode steps may take longer than the watchdog waits for a rank that is silent: ranks come a step further all the time.
 */
import { expect, it } from 'vitest';
import { launch } from '../../../dist/group/launch.js';
import { program } from '../../support/program.ts';

const BOUND_SECONDS = 1;

it('does not take a long sample for ranks that hang', async () => {
  const [seconds] = await launch<number>(program('./programs/patience.ts', import.meta.url), {
    ranks: 2,
    data: 2.5 * BOUND_SECONDS,
    timeoutSeconds: BOUND_SECONDS,
  });
  expect(seconds).toBeGreaterThan(2 * BOUND_SECONDS);
});
