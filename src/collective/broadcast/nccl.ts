/** @file Broadcast, by NCCL. */
import type { Algorithm } from '../algorithm.ts';
import { ncclAlgorithm } from '../nccl.ts';

export const broadcastNccl: Algorithm = ncclAlgorithm('broadcast');
