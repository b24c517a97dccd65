/** @file All-gather, by NCCL. */
import type { Algorithm } from '../algorithm.ts';
import { ncclAlgorithm } from '../nccl.ts';

export const allGatherNccl: Algorithm = ncclAlgorithm('all_gather');
