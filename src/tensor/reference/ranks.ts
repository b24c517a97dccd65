/**
 * @file Checks that the references share. A collective's input is an array with one Float64Array a rank, in rank order;
 * the same number of elements on every rank. What is checked here is a mistake of the caller, named with its value.
 */
import { CrossoverError } from '../../errors.ts';

/** Elements on each rank. Throws when there are no ranks, or when ranks differ. */
export function checkRanks(inputs: readonly Float64Array[], field = 'inputs'): number {
  const first = inputs[0];
  if (first === undefined) throw new CrossoverError(`${field} is empty; give one array a rank`);
  for (const [rank, input] of inputs.entries()) checkLength(input, first.length, `${field}[${rank}]`);
  return first.length;
}

/** Throws when an array does not have as many elements as it has to. */
export function checkLength(values: ArrayLike<number>, length: number, field: string): void {
  if (values.length !== length) {
    throw new CrossoverError(`${field} has ${values.length} elements; it needs ${length}`);
  }
}

/** Rows of a tensor [tokens, hidden]. Throws when `hidden` is 0 or does not divide the number of elements. */
export function tokenCount(count: number, hidden: number, field: string): number {
  if (!Number.isSafeInteger(hidden) || hidden <= 0 || count % hidden !== 0) {
    throw new CrossoverError(
      `${field} has ${count} elements; it needs whole rows of hidden = ${hidden}, 1 or more`,
    );
  }
  return count / hidden;
}

/**
 * Returns a scale as kernels see it, that is rounded, or throws when it is missing or, once rounded, not finite and above 0.
 */
export function checkScale(
  scale: number | undefined,
  field: string,
  round: (value: number) => number,
): number {
  const rounded = scale === undefined ? Number.NaN : round(scale);
  if (rounded > 0 && rounded < Number.POSITIVE_INFINITY) return rounded;
  throw new CrossoverError(`${field} is ${scale}; use a positive finite number`);
}
