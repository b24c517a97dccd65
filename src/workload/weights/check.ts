/**
 * @file Whole numbers that callers give.
 */
import { CrossoverError } from '../../errors.ts';

/** @throws CrossoverError that names the field */
export function checkRange(field: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw new CrossoverError(`${field} is ${value}; it is a whole number from ${least} to ${most}`);
}
