/** @file The programs that scripts/test-gpu.mjs runs for long on GPUs, for a moment on every engine. */
import { expect, it } from 'vitest';
import { launch } from '../../dist/group/launch.js';
import { describeEngines } from '../collective/support/engines.ts';
import type { Report } from '../collective/support/session.ts';

describeEngines('recordings and calls, mixed and repeated', (engine) => {
  it.each([
    { program: 'many-replays', options: { replays: 3000 } },
    { program: 'in-turn', options: { rounds: 4, sleepMs: 2 } },
    { program: 'far-ahead', options: { calls: 300, recorded: 100, replays: 3, sleepMs: 5 } },
    { program: 'changing-sizes', options: { rounds: 4 } },
    { program: 'epoch-wrap', options: { distances: 3 } },
  ])('leave nothing behind: $program', async ({ program, options }) => {
    const [report] = await launch<Report>(new URL(`./programs/${program}.ts`, import.meta.url), {
      ranks: 2,
      data: { engine, options },
    });
    expect(report!.problems).toEqual([]);
    expect(report!.cases).toBeGreaterThan(3);
  });
});
