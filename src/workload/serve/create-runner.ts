/**
 * @file The models that can be served, on the executor.
 */
import { CrossoverError } from '../../errors.ts';
import type { Group } from '../../group/group.ts';
import { PRESETS } from '../models/presets.ts';
import type { ServeRequest } from './request.ts';
import type { Runners } from './runner.ts';

/** Names that `--model` takes. */
export const SERVED_MODELS: readonly string[] = PRESETS.map(({ name }) => name);

/** Collective: the model on all ranks. `report` is told how far it is. */
export function createRunner(
  _group: Group,
  _request: ServeRequest,
  _report: (done: number, words: string) => void,
): Promise<Runners> | Runners {
  throw new CrossoverError('serve-bench is not connected yet');
}
