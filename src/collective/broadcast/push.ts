/** @file Broadcast, push. */
import type { Algorithm } from '../algorithm.ts';
import { singleKernel } from '../define.ts';
import { ESCAPED_UNIT_BYTES, mailboxRefusal, pushTunables } from '../tunables.ts';

export const broadcastPush: Algorithm = singleKernel(
  {
    operation: 'broadcast',
    name: 'push',
    summary:
      "the root sends its message into the others' mailboxes: one hop, no synchronization, one copy more",
    source:
      'Lamport-style mailboxes as in TensorRT-LLM, with words of all ones escaped so that any bytes pass',
    bits: 'rank-order',
    refuses: (request, engine) => mailboxRefusal(request, engine, ESCAPED_UNIT_BYTES),
  },
  pushTunables,
);
