/** @file All-reduce, by NCCL on symmetric memory. */
import type { Algorithm } from '../algorithm.ts';
import { ncclSymmetricAlgorithm } from '../nccl.ts';

export const allReduceNcclSymmetric: Algorithm = ncclSymmetricAlgorithm('all_reduce');
