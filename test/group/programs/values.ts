/// <reference path="../../../src/engine/cpu/webassembly.d.ts" />
/** Broadcasts and gathers values that are odd in one way or another; throws at the first that arrives changed. */
import assert from 'node:assert/strict';
import type { Group } from '../../../src/group/group.ts';

export default function values(group: Group): string {
  const { rank, size } = group;
  const last = size - 1;
  const odd: unknown[] = [
    undefined,
    null,
    0,
    -0,
    Number.NaN,
    2n ** 80n,
    '',
    'x'.repeat(5_000_000),
    Object.assign(new Array(3), { 1: undefined, 2: 1 }),
    new Map<unknown, unknown>([
      ['a', new Set([1])],
      [{}, undefined],
    ]),
    new Date(0),
    new Float64Array([1, 2]),
    /a+/g,
  ];
  for (const value of odd) {
    assert.deepStrictEqual(group.broadcast(rank === last ? value : 'not the root', last), value);
    assert.deepStrictEqual(group.gather(value), new Array(size).fill(value));
  }
  assert.deepStrictEqual(
    group.gather([rank, `rank ${rank}`]),
    Array.from({ length: size }, (_, r) => [r, `rank ${r}`]),
  );

  if (group.kind === 'threads') sharedMemory(group);

  const own = { rank };
  assert.equal(group.gather(own)[rank], own);
  return 'equal';
}

function sharedMemory(group: Group): void {
  const { rank, size } = group;
  const last = size - 1;
  const bytes = group.broadcast(rank === 0 ? new SharedArrayBuffer(4 * size) : undefined)!;
  new Int32Array(bytes)[rank] = rank + 1;
  group.barrier();
  assert.deepStrictEqual(
    [...new Int32Array(bytes)],
    Array.from({ length: size }, (_, r) => r + 1),
  );

  const memories = group.gather(new WebAssembly.Memory({ initial: 1, maximum: 2, shared: true }));
  for (const memory of memories) new Int32Array(memory.buffer)[rank] = 10 + rank;
  group.barrier();
  for (const memory of memories) assert.equal(new Int32Array(memory.buffer)[last], 10 + last);
}
