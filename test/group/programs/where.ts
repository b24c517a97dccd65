/** Every rank writes its process's id to stderr, and meets the others without end; or computes, if told to. */
import { writeSync } from 'node:fs';
import type { Group } from '../../../src/group/group.ts';

export default function where(group: Group, [what]: string[]): void {
  const ids = group.gather(process.pid);
  if (group.rank === 0) writeSync(2, `${JSON.stringify(ids)}\n`);
  for (;;) if (what !== 'compute') group.barrier();
}
