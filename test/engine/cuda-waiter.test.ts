/**
 * @file How long the host waits for a device that does not come to an end, without a GPU: a device that is played.
 */
import { expect, test } from 'vitest';
import type { CallLog } from '../../dist/engine/cuda/call-log.js';
import type { Device } from '../../dist/engine/cuda/device.js';
import type { Outside } from '../../dist/engine/cuda/nccl.js';
import type { Status } from '../../dist/engine/cuda/status.js';
import { Waiter } from '../../dist/engine/cuda/waiter.js';
import type { Group } from '../../dist/group/group.js';

const NOT_READY = 600;

/** A device that is idle after so many polls, or once it is told to end. */
function played(polls: number, stallSeconds: number) {
  const seen = { ended: false, aborted: false, inside: 0, polls: 0 };
  const group = { rank: 1, size: 2, enter: () => seen.inside++, leave: () => seen.inside-- };
  const cuda = { streamQuery: () => (seen.ended || ++seen.polls > polls ? 0 : NOT_READY) };
  const status = { failed: false, ended: false, end: () => (seen.ended = true) };
  const log = { compare: () => undefined, describeLast: () => 'call #7, all_reduce' };
  const outside = { failure: () => undefined, abort: () => (seen.aborted = true) };
  const waiter = new Waiter(
    group as unknown as Group,
    { cuda, ordinal: 3 } as unknown as Device,
    status as unknown as Status,
    log as unknown as CallLog,
    outside as unknown as Outside,
    { deadlineSeconds: 8, stallSeconds },
  );
  return { waiter, seen, status };
}

test('a device that does not come to an end ends the engine, in words', () => {
  const { waiter, seen } = played(Number.POSITIVE_INFINITY, 0.02);
  const said =
    'rank 1: GPU 3 has not come to the end of what was enqueued within 0.02 s (CROSSOVER_STALL_SECONDS): a kernel does not end, or waits for what does not come, behind call #7, all_reduce';
  expect(() => waiter.wait()).toThrow(said);
  expect(seen).toMatchObject({ ended: true, aborted: true, inside: 0 });
  expect(waiter.over).toBe(true);
  expect(() => waiter.wait()).toThrow(`the CUDA engine cannot go on after this error: ${said}`);
});

test('a device that takes its time does not, nor one that is waited for without bound', () => {
  for (const stallSeconds of [30, 0]) {
    const { waiter, seen } = played(100_000, stallSeconds);
    waiter.wait();
    expect(seen).toMatchObject({ ended: false, inside: 0, polls: 100_001 });
  }
});

test('a rank that the launcher has told to end aborts NCCL, and goes no further', () => {
  const { waiter, seen, status } = played(Number.POSITIVE_INFINITY, 30);
  status.ended = true;
  expect(() => waiter.wait()).toThrow('rank 1 was told to end, in call #7, all_reduce');
  expect(seen).toMatchObject({ ended: true, aborted: true, inside: 0 });
});

test('a kernel that has given up is named, although it says so only after it has told the others', () => {
  const { waiter, status } = played(Number.POSITIVE_INFINITY, 30);
  let looks = 0;
  Object.defineProperty(status, 'failed', { get: () => ++looks > 3 });
  Object.assign(status, { ended: true, peer: 0 });
  expect(() => waiter.wait()).toThrow('rank 1 gave up waiting for rank 0 after 8 s');
});
