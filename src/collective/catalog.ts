/**
 * @file All algorithms, by operation. To add one: write its file, list it here.
 */
import { CrossoverError } from '../errors.ts';
import { OPERATIONS, type Operation } from '../operations.ts';
import type { Algorithm } from './algorithm.ts';
import { allGatherDirect } from './all-gather/direct.ts';
import { allGatherStaged } from './all-gather/staged.ts';
import { allReduceOneShot } from './all-reduce/one-shot.ts';
import { allReduceRing } from './all-reduce/ring.ts';
import { allReduceTwoShot } from './all-reduce/two-shot.ts';
import { allReduceTwoShotPull } from './all-reduce/two-shot-pull.ts';
import { fusedOneShot } from './all-reduce-rms-norm/one-shot.ts';
import { fusedTwoShot, fusedTwoShotColumns } from './all-reduce-rms-norm/two-shot.ts';
import { unfusedOneShot, unfusedTwoShot, unfusedTwoShotPull } from './all-reduce-rms-norm/unfused.ts';
import { broadcastDirect } from './broadcast/direct.ts';
import { broadcastStaged } from './broadcast/staged.ts';
import { reduceScatterDirect } from './reduce-scatter/direct.ts';
import { reduceScatterStaged } from './reduce-scatter/staged.ts';

const CATALOG: readonly Algorithm[] = [
  allReduceOneShot,
  allReduceTwoShot,
  allReduceTwoShotPull,
  allReduceRing,
  allGatherStaged,
  allGatherDirect,
  reduceScatterStaged,
  reduceScatterDirect,
  broadcastStaged,
  broadcastDirect,
  fusedOneShot,
  fusedTwoShot,
  fusedTwoShotColumns,
  unfusedOneShot,
  unfusedTwoShot,
  unfusedTwoShotPull,
];

/** The algorithms of an operation, in catalogue order. */
export function algorithmsOf(operation: Operation): readonly Algorithm[] {
  return CATALOG.filter((algorithm) => algorithm.operation === operation);
}

/** @throws CrossoverError that lists the operation's algorithms when there is none of that name. */
export function algorithmNamed(operation: Operation, name: string): Algorithm {
  const all = algorithmsOf(operation);
  const found = all.find((algorithm) => algorithm.name === name);
  if (found) return found;
  throw new CrossoverError(
    `algorithm "${name}" is unknown for ${operation}; use one of ${all.map((a) => a.name).join(', ')}`,
  );
}

/** Narrows a string that came from outside to an operation. */
export function parseOperation(text: string): Operation {
  if ((OPERATIONS as readonly string[]).includes(text)) return text as Operation;
  throw new CrossoverError(`operation "${text}" is unknown; use one of ${OPERATIONS.join(', ')}`);
}
