/**
 * @file Broadcast: every rank gets the root's elements. Nothing is computed, so nothing is rounded.
 */
import { CrossoverError } from '../../errors.ts';
import { checkRanks } from './ranks.ts';

/**
 * @param inputs one array a rank, all of n elements; those of other ranks than the root do not matter
 * @param root rank whose elements are sent
 * @returns a copy of the root's n elements
 * @throws when there is no rank, lengths differ, or the root is not a rank
 */
export function broadcast(inputs: readonly Float64Array[], root = 0): Float64Array {
  checkRanks(inputs);
  const source = inputs[root];
  if (source === undefined) {
    throw new CrossoverError(`root is ${root}; use a rank, 0 to ${inputs.length - 1}`);
  }
  return source.slice();
}
