/**
 * @file Timing on a host that is slow for some milliseconds, by a clock of our own: what is reported is what operations take otherwise. Such moments were seen where the
 * threads of two ranks shared a core for a while.
 */
import { afterEach, expect, test, vi } from 'vitest';
import type { Choice } from '../../dist/collective/algorithm.js';
import type { Communicator } from '../../dist/collective/communicator.js';
import { measure } from '../../dist/measure/measure.js';
import type { Workload } from '../../dist/measure/workload.js';

/** us by the clock: from here on, when code is warm, the host is slow for a while. */
const FROM = 300_000;
/** us that a sample takes besides its operations. */
const ENTRY = 2;
/** us of an operation, and of idling. */
const COSTS = { fast: 1, slower: 1.3, idle: 0.1 };

type Name = keyof typeof COSTS;

afterEach(() => void vi.restoreAllMocks());

/** Times both contenders on one rank whose operations take `slow` us, where that is given, while the host is slow: for so many us. */
function timed(slow: Partial<Record<Name, number>>, duration: number): number[] {
  let now = 0;
  vi.spyOn(process.hrtime, 'bigint').mockImplementation(() => BigInt(Math.round(now * 1e3)));
  vi.spyOn(performance, 'now').mockImplementation(() => now / 1e3);
  const comm = {
    engine: {},
    group: { gather: (value: unknown) => [value], barrier: () => {} },
    synchronize() {
      now += ENTRY;
    },
  } as unknown as Communicator;
  const workload = {
    key: { operation: 'all_reduce', dtype: 'f32' },
    sets: 1,
    bytes: 2048,
    check: () => {},
    prepare: () => {},
    run(choice: Choice | null) {
      const name = (choice?.algorithm.name ?? 'idle') as Name;
      now += (now >= FROM && now < FROM + duration ? slow[name] : undefined) ?? COSTS[name];
    },
  } as unknown as Workload;
  const contenders = ['fast', 'slower'].map((name) => ({ algorithm: { name }, tunables: {} }) as Choice);
  const times = measure(comm, workload, contenders, { mode: 'eager', seconds: 0.02, precision: 0.05 });
  vi.restoreAllMocks();
  return times.map(({ us }) => us.median);
}

test.each([
  ['never', {}, 0],
  ['while it is found out how many operations a sample needs', { fast: 150, slower: 150 }, 2500],
  ['while idling, so that it seems to take longer than the work', { idle: 20 }, 12_000],
  ['in most of the first rounds, for the faster one alone', { fast: 3 }, 3800],
] as const)('slow %s', (_, slow, duration) => {
  const [fast, slower] = timed(slow, duration);
  expect(fast).toBeGreaterThan(0.95 * (COSTS.fast - COSTS.idle));
  expect(fast).toBeLessThan(1.05 * (COSTS.fast - COSTS.idle));
  expect(slower).toBeGreaterThan(0.95 * (COSTS.slower - COSTS.idle));
  expect(slower).toBeLessThan(1.05 * (COSTS.slower - COSTS.idle));
});
