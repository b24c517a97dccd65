/**
 * @file All algorithms, by operation. To add one: write its file, list it here.
 */
import { CrossoverError } from '../errors.ts';
import { OPERATIONS, type Operation } from '../operations.ts';
import type { Algorithm } from './algorithm.ts';
import { allGatherBulk } from './all-gather/bulk.ts';
import { allGatherDirect } from './all-gather/direct.ts';
import { allGatherNccl } from './all-gather/nccl.ts';
import { allGatherNcclSymmetric } from './all-gather/nccl-symmetric.ts';
import { allGatherPush } from './all-gather/push.ts';
import { allGatherStaged } from './all-gather/staged.ts';
import { allReduceMultimemOneShot, allReduceMultimemTwoShot } from './all-reduce/multimem.ts';
import { allReduceNccl } from './all-reduce/nccl.ts';
import { allReduceNcclSymmetric } from './all-reduce/nccl-symmetric.ts';
import { allReduceOneShot } from './all-reduce/one-shot.ts';
import { allReduceOneShotPush } from './all-reduce/one-shot-push.ts';
import { allReduceRing } from './all-reduce/ring.ts';
import { allReduceTwoShot } from './all-reduce/two-shot.ts';
import { allReduceTwoShotPull } from './all-reduce/two-shot-pull.ts';
import { allReduceTwoShotPush } from './all-reduce/two-shot-push.ts';
import { allReduceTwoShotQuantized } from './all-reduce/two-shot-quantized.ts';
import { allReduceTwoShotStaged } from './all-reduce/two-shot-staged.ts';
import { fusedOneShot } from './all-reduce-rms-norm/one-shot.ts';
import { fusedOneShotPush } from './all-reduce-rms-norm/one-shot-push.ts';
import { fusedTwoShot, fusedTwoShotColumns } from './all-reduce-rms-norm/two-shot.ts';
import { fusedTwoShotPush } from './all-reduce-rms-norm/two-shot-push.ts';
import { unfused } from './all-reduce-rms-norm/unfused.ts';
import { broadcastDirect } from './broadcast/direct.ts';
import { broadcastNccl } from './broadcast/nccl.ts';
import { broadcastPush } from './broadcast/push.ts';
import { broadcastScatter } from './broadcast/scatter.ts';
import { broadcastStaged } from './broadcast/staged.ts';
import { reduceScatterBulk } from './reduce-scatter/bulk.ts';
import { reduceScatterDirect } from './reduce-scatter/direct.ts';
import { reduceScatterNccl } from './reduce-scatter/nccl.ts';
import { reduceScatterNcclSymmetric } from './reduce-scatter/nccl-symmetric.ts';
import { reduceScatterPush } from './reduce-scatter/push.ts';
import { reduceScatterStaged } from './reduce-scatter/staged.ts';

const ALL_REDUCE: readonly Algorithm[] = [
  allReduceOneShot,
  allReduceTwoShot,
  allReduceTwoShotPull,
  allReduceRing,
  allReduceOneShotPush,
  allReduceTwoShotPush,
  allReduceTwoShotStaged,
  allReduceNccl,
  allReduceNcclSymmetric,
];

const CATALOG: readonly Algorithm[] = [
  ...ALL_REDUCE,
  allReduceTwoShotQuantized,
  allReduceMultimemOneShot,
  allReduceMultimemTwoShot,
  allGatherStaged,
  allGatherDirect,
  allGatherPush,
  allGatherBulk,
  allGatherNccl,
  allGatherNcclSymmetric,
  reduceScatterStaged,
  reduceScatterDirect,
  reduceScatterPush,
  reduceScatterBulk,
  reduceScatterNccl,
  reduceScatterNcclSymmetric,
  broadcastStaged,
  broadcastDirect,
  broadcastPush,
  broadcastScatter,
  broadcastNccl,
  fusedOneShot,
  fusedTwoShot,
  fusedTwoShotColumns,
  fusedOneShotPush,
  fusedTwoShotPush,
  ...ALL_REDUCE.map(unfused),
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
