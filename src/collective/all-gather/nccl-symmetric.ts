/** @file All-gather, by NCCL on symmetric memory. */
import type { Algorithm } from '../algorithm.ts';
import { ncclSymmetricAlgorithm } from '../nccl.ts';

export const allGatherNcclSymmetric: Algorithm = ncclSymmetricAlgorithm('all_gather');
