import { expect, it } from 'vitest';
import type { Communicator } from '../../../dist/collective/communicator.js';
import type { Recording } from '../../../dist/engine/engine.js';
import { timeDecode } from '../../../dist/workload/decode/measure.js';

it('runs steps one by one where the host waits for them: a rank in one call for minutes looks like one that hangs', () => {
  const calls: number[] = [];
  const recording: Recording = {
    launches: 1,
    replay: (times = 1) => calls.push(times),
    close: () => {},
  };
  const group = { barrier: () => {}, gather: (value: unknown) => [value] };
  const comm = { engine: {}, group, synchronize: () => {} } as unknown as Communicator;
  const contender = { recording, reset: () => {} };
  const nothing = (): void => {};
  const [timed] = timeDecode(comm, [contender], { steps: 5, rounds: 6 }, nothing, nothing);
  expect(timed!.us.median).toBeGreaterThanOrEqual(0);
  // One round more, which warms up.
  expect(calls).toEqual(new Array(7 * 5).fill(1));
});
