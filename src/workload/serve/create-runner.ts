/**
 * @file The models that can be served, on the executor.
 */
import type { Communicator } from '../../collective/communicator.ts';
import { CrossoverError } from '../../errors.ts';
import type { ServeRequest } from './request.ts';
import type { Runners } from './runner.ts';

/** Names that `--model` takes. */
export const SERVED_MODELS: readonly string[] = ['tiny'];

/** Bytes of the symmetric heap that a rank needs for the request, on so many ranks. */
export function arenaFor(_request: ServeRequest, _ranks: number): number {
  return 64 << 20;
}

/** Collective. */
export function createRunner(_comm: Communicator, _request: ServeRequest): Promise<Runners> | Runners {
  throw new CrossoverError('serve-bench is not connected yet');
}
