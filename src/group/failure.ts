/**
 * @file A thrown value on its way from a rank to the launcher. Structured clone would drop the class, the name and what cannot
 * be cloned, so the parts that a reader needs travel as text and are put together again.
 */
import { inspect } from 'node:util';
import { CrossoverError, MismatchError } from '../errors.ts';

/** What is kept of an error; `cause` is kept up to a few levels. */
export interface Failure {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  readonly code: string | undefined;
  readonly cause: Failure | undefined;
}

const MAX_CAUSES = 8;

/** Anything can be thrown; what is not an error becomes one whose message shows the value. */
export function packFailure(thrown: unknown, depth = 0): Failure {
  // Not instanceof: an error may come from another realm (node:vm).
  const error = thrown as Partial<Error & { code: unknown }> | undefined;
  if (typeof error?.message !== 'string') {
    const message =
      typeof thrown === 'string'
        ? thrown
        : inspect(thrown, { depth: 2, breakLength: Number.POSITIVE_INFINITY });
    return { name: 'Error', message, stack: undefined, code: undefined, cause: undefined };
  }
  return {
    name: typeof error.name === 'string' ? error.name : 'Error',
    message: error.message,
    stack: typeof error.stack === 'string' ? error.stack : undefined,
    code: typeof error.code === 'string' ? error.code : undefined,
    cause: error.cause !== undefined && depth < MAX_CAUSES ? packFailure(error.cause, depth + 1) : undefined,
  };
}

/** The error again, with the stack of the thread it was thrown in. crossover's own errors get their class back. */
export function unpackFailure(failure: Failure): Error {
  const options = failure.cause && { cause: unpackFailure(failure.cause) };
  const error = create(failure, options);
  if (failure.stack !== undefined) error.stack = failure.stack;
  if (failure.code !== undefined)
    Object.defineProperty(error, 'code', { value: failure.code, enumerable: true });
  return error;
}

function create(failure: Failure, options: ErrorOptions | undefined): Error {
  if (failure.name === 'MismatchError') return new MismatchError(failure.message, options);
  if (failure.name === 'CrossoverError') return new CrossoverError(failure.message, options);
  const error = new Error(failure.message, options);
  if (failure.name !== 'Error')
    Object.defineProperty(error, 'name', { value: failure.name, configurable: true });
  return error;
}
