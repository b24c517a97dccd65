/**
 * @file The catalogue of simulated algorithms. The first of an operation are shown when none are asked for; variants
 * (a forced protocol, a cautious form) have to be named.
 */
import { CrossoverError } from '../../errors.ts';
import type { Operation } from '../../operations.ts';
import type { SimulatedAlgorithm } from '../schedule.ts';
import { directAllGather } from './all-gather.ts';
import { directBroadcast, scatterAllGatherBroadcast } from './broadcast.ts';
import { oneShot, oneShotPush } from './one-shot.ts';
import { directReduceScatter, pushReduceScatter } from './reduce-scatter.ts';
import {
  ringAllGather,
  ringAllReduce,
  ringAllReduceLL,
  ringAllReduceLL128,
  ringAllReduceSimple,
  ringReduceScatter,
} from './ring.ts';
import { twoShot, twoShotMixed, twoShotPush, twoShotPushFenced } from './two-shot.ts';

/** Shown by default, in this order. */
const STANDARD: readonly SimulatedAlgorithm[] = [
  oneShot,
  oneShotPush,
  twoShot,
  twoShotPush,
  ringAllReduce,
  directAllGather,
  ringAllGather,
  directReduceScatter,
  pushReduceScatter,
  ringReduceScatter,
  directBroadcast,
  scatterAllGatherBroadcast,
];

const VARIANTS: readonly SimulatedAlgorithm[] = [
  twoShotPushFenced,
  twoShotMixed,
  ringAllReduceLL,
  ringAllReduceLL128,
  ringAllReduceSimple,
];

/** Every algorithm of the simulator. */
export const ALGORITHMS: readonly SimulatedAlgorithm[] = [...STANDARD, ...VARIANTS];

/** Operations that the simulator knows algorithms for. */
export const SIMULATED_OPERATIONS = ['all_reduce', 'all_gather', 'reduce_scatter', 'broadcast'] as const;

/** What is shown for an operation when no algorithm is named. */
export function standardAlgorithms(operation: Operation): SimulatedAlgorithm[] {
  return STANDARD.filter((algorithm) => algorithm.operation === operation);
}

/** An algorithm by name, or an error that lists the names of that operation. */
export function findAlgorithm(operation: Operation, name: string): SimulatedAlgorithm {
  const all = ALGORITHMS.filter((algorithm) => algorithm.operation === operation);
  const found = all.find((algorithm) => algorithm.name === name);
  if (found !== undefined) return found;
  const names = all.map((algorithm) => algorithm.name).join(', ');
  throw new CrossoverError(`algorithm "${name}" is not simulated for ${operation}; use one of ${names}`);
}
