/** @file All-reduce, one-shot. */
import type { Algorithm } from '../algorithm.ts';
import { singleKernel } from '../define.ts';
import { chunkTunables } from '../staging.ts';
import { blockTunables } from '../tunables.ts';

export const allReduceOneShot: Algorithm = singleKernel(
  {
    operation: 'all_reduce',
    name: 'one_shot',
    summary:
      'every rank publishes its input, and reads and reduces all of them itself: (N-1) times the bytes',
    source:
      'the one-stage kernel of vLLM PR 2192 and TensorRT-LLM, here with staged inputs so that in place is safe',
    bits: 'rank-order',
    symmetric: 'input',
    refuses: ({ bytes }, { name, traits }) =>
      name === 'cpu' || bytes <= traits.stageBytes
        ? undefined
        : `the stage holds ${traits.stageBytes} bytes of a message, not ${bytes}`,
  },
  (request, engine) =>
    engine.name === 'cpu' ? chunkTunables(request.bytes) : blockTunables(request, engine),
);
