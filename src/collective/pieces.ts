/**
 * @file A plan's ranges as what can run: an algorithm may serve no message that is too long for its mailboxes, or too short for its chunks, and a range
 * may reach such sizes, as the first and the last do, which have no end. Such sizes go to the fastest other candidate that serves them.
 */
import type { Engine } from '../engine/engine.ts';
import { extrapolate } from '../plan/curve.ts';
import type { PlanKey } from '../plan/key.ts';
import { type Candidate, choiceName, type PlanEntry, type PlanRange } from '../plan/plan.ts';
import { type Algorithm, type Choice, refusal } from './algorithm.ts';
import { algorithmNamed, algorithmsOf } from './catalog.ts';

/** Sizes from `from` up to the next piece, and the choice for them. */
export interface Piece {
  readonly from: number;
  readonly choice: Choice;
}

/** Longest message. */
const LAST = Number.MAX_SAFE_INTEGER;

/** The pieces of an entry for a key, from 0 on without gaps. `untuned` serves every size. */
export function piecesOf(key: PlanKey, entry: PlanEntry, engine: Engine, untuned: () => Choice): Piece[] {
  const serves = ({ algorithm }: Choice, bytes: number): boolean =>
    refusal(algorithm, { ...key, bytes }, engine) === undefined;
  const pieces: Piece[] = [];
  for (const range of entry.ranges) {
    const planned = choiceOf(key, range, range.from, engine);
    const last = range.to === null ? LAST : range.to - 1;
    for (let from = range.from; from <= last; ) {
      const own = serves(planned, from);
      const choice = own
        ? planned
        : (standIns(key, entry, range, from, engine).find((one) => serves(one, from)) ?? untuned());
      // Up to where it cannot go on, or the planned one can come back.
      const end = lastOf(from, last, (bytes) => serves(choice, bytes) && serves(planned, bytes) === own);
      pieces.push({ from, choice });
      from = end + 1;
    }
  }
  return pieces;
}

function choiceOf(
  key: PlanKey,
  { algorithm: name, tunables }: Pick<PlanRange, 'algorithm' | 'tunables'>,
  bytes: number,
  engine: Engine,
): Choice {
  const algorithm = algorithmNamed(key.operation, name);
  // The defaults stand in for tunables that a plan edited by hand leaves out.
  return { algorithm, tunables: { ...algorithm.tunables({ ...key, bytes }, engine)[0], ...tunables } };
}

/** The other candidates of an entry, the fastest at a size first; beyond what was measured, at the end of it. */
function standIns(
  key: PlanKey,
  { candidates, measured }: PlanEntry,
  range: PlanRange,
  bytes: number,
  engine: Engine,
): Choice[] {
  const at = Math.min(Math.max(bytes, measured.from), measured.to);
  const us = ({ points }: Candidate): number => extrapolate(points, at)?.us ?? Number.POSITIVE_INFINITY;
  const known = new Map(algorithmsOf(key.operation).map((algorithm) => [algorithm.name, algorithm]));
  const isExact = (algorithm: Algorithm | undefined): boolean => algorithm !== undefined && !algorithm.lossy;
  return candidates
    .filter((one) => choiceName(one) !== choiceName(range) && isExact(known.get(one.algorithm)))
    .sort((a, b) => us(a) - us(b))
    .map((one) => choiceOf(key, one, bytes, engine));
}

/** The last size from `from` to `last` up to which something holds that holds at `from`, and ends once at most. */
function lastOf(from: number, last: number, holds: (bytes: number) => boolean): number {
  if (holds(last)) return last;
  let [low, high] = [from, last];
  while (high - low > 1) {
    const middle = low + Math.floor((high - low) / 2);
    if (holds(middle)) low = middle;
    else high = middle;
  }
  return low;
}
