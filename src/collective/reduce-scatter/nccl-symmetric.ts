/** @file Reduce-scatter, by NCCL on symmetric memory. */
import type { Algorithm } from '../algorithm.ts';
import { ncclSymmetricAlgorithm } from '../nccl.ts';

export const reduceScatterNcclSymmetric: Algorithm = ncclSymmetricAlgorithm('reduce_scatter');
