/** @file Broadcast, scatter and all-gather. */
import type { Algorithm } from '../algorithm.ts';
import { singleKernel } from '../define.ts';

const PIECES = [
  { chunk_bytes: 32768, blocks: 64, threads: 512 },
  { chunk_bytes: 16384, blocks: 64, threads: 512 },
  { chunk_bytes: 65536, blocks: 64, threads: 512 },
] as const;

export const broadcastScatter: Algorithm = singleKernel(
  {
    operation: 'broadcast',
    name: 'scatter',
    summary:
      'the root sends each piece to one rank, which passes it on: the root sends the message once, not N-1 times',
    source: 'van de Geijn scatter and all-gather, pipelined piece by piece on symmetric buffers',
    bits: 'rank-order',
    symmetric: 'output',
    refuses: ({ worldSize }) =>
      worldSize > 2
        ? undefined
        : `there is nobody to pass pieces on to: it takes 3 ranks or more, not ${worldSize}`,
  },
  () => PIECES,
);
