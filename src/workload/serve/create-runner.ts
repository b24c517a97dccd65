/**
 * @file The model on all ranks, as serving needs it.
 */
import { CrossoverError } from '../../errors.ts';
import type { Group } from '../../group/group.ts';
import type { ServeRequest } from './request.ts';
import type { Runners } from './runner.ts';

/** Collective. `report` is told how far it is, 0 to 1. */
export function createRunner(
  _group: Group,
  _request: ServeRequest,
  _report: (done: number, words: string) => void,
): Promise<Runners> | Runners {
  throw new CrossoverError('serve-bench is not connected yet');
}
