/** Each rank leaves a stop word behind, as an engine does for its kernels; then rank 1 does what `data.how` says, and the others wait for it. */
import { stopWordsOf } from '../../../dist/group/member.js';
import type { Group } from '../../../src/group/group.ts';

export interface Stopped {
  how: keyof typeof ENDS;
  /** Of an Int32 in native memory, one a rank. */
  addresses: bigint[];
}

const ENDS = {
  throw: () => {
    throw new Error('on purpose');
  },
  exit: () => process.exit(3),
  freeze: () => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0),
  nothing: () => {},
};

/** Returns whether the rank could have its word back. */
export default function stopWords(group: Group, _args: string[], data: Stopped): boolean {
  const words = stopWordsOf(group)!;
  const address = data.addresses[group.rank]!;
  words.add(address);
  // One more, whose memory may be freed by now.
  words.add(8n);
  const removed = words.remove(8n);
  group.barrier();
  if (group.rank === 1) ENDS[data.how]();
  group.barrier();
  return removed;
}
