/** @file Reduce-scatter, push. */
import type { Algorithm } from '../algorithm.ts';
import { singleKernel } from '../define.ts';
import { mailboxRefusal, pushTunables, UNIT_BYTES } from '../tunables.ts';

export const reduceScatterPush: Algorithm = singleKernel(
  {
    operation: 'reduce_scatter',
    name: 'push',
    summary:
      'every rank sends each part into the mailbox of the rank that reduces it: one hop, no synchronization, one copy more',
    source: 'first hop of a two-shot all-reduce with Lamport-style mailboxes, as in TensorRT-LLM',
    bits: 'rank-order',
    refuses: (request, engine) => mailboxRefusal(request, engine, UNIT_BYTES),
  },
  pushTunables,
);
