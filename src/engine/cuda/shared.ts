/**
 * @file A little host memory that all ranks of a host see: for what they tell each other without meeting.
 */
import { closeSync } from 'node:fs';
import { createShared, mapShared } from '../../ffi/libc.ts';
import type { Group } from '../../group/group.ts';
import { exchangeDescriptors } from '../../group/processes.ts';

/** Zeroed; undefined when ranks are on several hosts. Collective. */
export function shareMemory(group: Group, bytes: number): ArrayBufferLike | undefined {
  if (group.kind === 'hosts') return undefined;
  if (group.kind === 'threads')
    return group.broadcast(group.rank === 0 ? new SharedArrayBuffer(bytes) : undefined)!;
  // Every rank offers some, and rank 0's is taken.
  const all = exchangeDescriptors(group, createShared('crossover-engine', bytes));
  try {
    return mapShared(all[0]!, bytes).words.buffer;
  } finally {
    for (const descriptor of all) closeSync(descriptor);
  }
}
