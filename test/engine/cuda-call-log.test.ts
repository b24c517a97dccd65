/** @file How ranks find out that they have called different things, without a GPU: two logs over the memory that threads share. */
import { expect, test } from 'vitest';
import { CallLog } from '../../dist/engine/cuda/call-log.js';
import { NAMES } from '../../dist/engine/cuda/functions.js';
import { emptyLaunch, type Launch } from '../../dist/engine/engine.js';
import type { Group } from '../../dist/group/group.js';

const KERNEL = NAMES.indexOf('all_reduce_one_shot');
const OTHER = NAMES.indexOf('nccl_all_reduce');
const ARENAS = [0x7000_0000_0000, 0x7100_0000_0000];

/** The logs of two ranks. Their group only hands on what rank 0 sends, which is all that a log asks of it. */
function twoLogs(): [CallLog, CallLog] {
  let sent: unknown;
  const groupOf = (rank: number): Group =>
    ({
      kind: 'threads',
      rank,
      size: 2,
      broadcast: (value: unknown) => {
        if (rank === 0) sent = value;
        return sent;
      },
    }) as unknown as Group;
  const [a, b] = ARENAS.map((base, rank) => new CallLog(groupOf(rank), { base, bytes: 1 << 20 }));
  return [a!, b!];
}

/** An all-reduce of this rank's arena at an offset. */
const call = (rank: number, changes: Partial<Launch> = {}): Launch => ({
  ...emptyLaunch(),
  dtype: 2,
  count: 1000,
  input: ARENAS[rank]! + 256,
  output: ARENAS[rank]! + 4096,
  ...changes,
});

test('equal calls agree, however far a rank is ahead', () => {
  const [a, b] = twoLogs();
  for (let i = 0; i < 200; i++) a.note(KERNEL, call(0, { count: i }));
  expect(b.compare()).toBeUndefined();
  for (let i = 0; i < 170; i++) b.note(KERNEL, call(1, { count: i }));
  expect(a.compare()).toBeUndefined();
  expect(b.compare()).toBeUndefined();
});

test('buffers outside the heap lie anywhere, and alike in 16 bytes', () => {
  const [a, b] = twoLogs();
  a.note(KERNEL, call(0, { input: 0x500_0000_0010 }));
  b.note(KERNEL, call(1, { input: 0x600_0000_0300 }));
  expect(a.compare()).toBeUndefined();
  a.note(KERNEL, call(0, { input: 0x500_0000_0010 }));
  b.note(KERNEL, call(1, { input: 0x600_0000_0304 }));
  expect(a.compare()?.message).toMatch(/outside the heap, 0 past .*outside the heap, 4 past/);
});

test('in place, a buffer outside is not the first one inside', () => {
  const [a, b] = twoLogs();
  const outside = 0x500_0000_0000;
  a.note(KERNEL, call(0, { input: outside, output: outside }));
  b.note(KERNEL, call(1, { input: ARENAS[1]!, output: ARENAS[1]! }));
  expect(a.compare()?.message).toMatch(/input outside the heap.*input @0,/);
});

test.each<[name: string, kernel: number, changes: Partial<Launch>, told: RegExp]>([
  ['count', KERNEL, { count: 999 }, /rank 0 calls .* 1000 elements .*; rank 1 calls .* 999 elements/],
  ['a count beyond 32 bits', KERNEL, { count: 1000 + 2 ** 33 }, /rank 1 calls .* 8589935592 elements/],
  ['kernel', OTHER, {}, /rank 1 calls nccl_all_reduce/],
  ['offset', KERNEL, { output: ARENAS[1]! + 8192 }, /output @4096\).*output @8192/],
  [
    'place',
    KERNEL,
    { output: 0x500_0000_0008 },
    /output @4096\).*output outside the heap, 8 past a multiple of 16\)/,
  ],
  ['scale', KERNEL, { scale: 0.25 }, /scale is 0 on rank 0 and 0.25 on rank 1/],
  ['threads', KERNEL, { threads: 256 }, /threads is 0 on rank 0 and 256 on rank 1/],
])('both find a different %s, and say the same', (_name, kernel, changes, told) => {
  const [a, b] = twoLogs();
  for (const [rank, log] of [a, b].entries()) log.note(KERNEL, call(rank));
  a.note(KERNEL, call(0));
  b.note(kernel, call(1, changes));
  // Equal again, and yet the first difference is the one to tell.
  for (const [rank, log] of [a, b].entries()) log.note(KERNEL, call(rank));
  const errors = [a.compare(), b.compare()];
  expect(errors[0]?.name).toBe('MismatchError');
  expect(errors[0]?.message).toMatch(told);
  expect(errors[1]?.message).toBe(errors[0]?.message);
});

test('replays are compared, too', () => {
  const [a, b] = twoLogs();
  a.noteReplay(1, 10);
  b.noteReplay(2, 10);
  expect(a.compare()?.message).toMatch(
    /rank 0 calls a replay of recording 1, 10 times; rank 1 calls a replay of recording 2/,
  );
});

test('a rank that waits says which peers are behind', () => {
  const [a, b] = twoLogs();
  for (let i = 0; i < 3; i++) a.note(KERNEL, call(0));
  b.note(KERNEL, call(1));
  expect(a.describeLast()).toMatch(
    /^call #3, all_reduce_one_shot bf16 1000 elements .*rank 1 has made 1 calls$/,
  );
});
