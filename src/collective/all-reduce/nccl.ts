/** @file All-reduce, by NCCL. */
import type { Algorithm } from '../algorithm.ts';
import { ncclAlgorithm } from '../nccl.ts';

export const allReduceNccl: Algorithm = ncclAlgorithm('all_reduce');
