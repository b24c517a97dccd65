/** @file Reduce-scatter, by NCCL. */
import type { Algorithm } from '../algorithm.ts';
import { ncclAlgorithm } from '../nccl.ts';

export const reduceScatterNccl: Algorithm = ncclAlgorithm('reduce_scatter');
