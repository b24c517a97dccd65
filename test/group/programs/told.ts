/** Ranks that have kernels, as far as the launcher knows: each waits to be told to leave, and writes down that it was; then rank 1 does what `how` says, or nothing. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { allocate } from '../../../dist/ffi/memory.js';
import { stopWordsOf } from '../../../dist/group/member.js';
import type { Group } from '../../../src/group/group.ts';

export interface Told {
  folder: string;
  how: 'throw' | 'wait';
}

export default function told(group: Group, args: string[], data: Told | undefined): void {
  const { folder, how } = data ?? { folder: args[0]!, how: 'wait' };
  const words = stopWordsOf(group)!;
  // It is the launcher's to write to, whatever becomes of this rank, and never freed.
  words.add(allocate(4).address);
  group.barrier();
  if (group.rank === 1 && how === 'throw') throw new Error('on purpose');
  if (group.rank === 0) console.error('ranks wait');
  while (!words.stopped);
  writeFileSync(join(folder, `rank-${group.rank}`), '');
  throw new Error('told to leave');
}
