/**
 * @file The message that a change to the sample plan gives, for tests of validation.
 */
import { expect } from 'vitest';
import { CrossoverError } from '../../dist/errors.js';
import { validatePlan } from '../../dist/plan/validate.js';
import { samplePlan } from './samples.ts';

export type Path = (string | number)[];

/** The message for the sample plan after `value` was put at `path`; `undefined` removes the field. */
export function message(...changes: [Path, unknown][]): string {
  const plan = JSON.parse(JSON.stringify(samplePlan())) as object;
  for (const [path, value] of changes) {
    let target = plan as Record<string | number, unknown>;
    for (const part of path.slice(0, -1)) target = target[part] as Record<string | number, unknown>;
    if (value === undefined) delete target[path.at(-1)!];
    else target[path.at(-1)!] = value;
  }
  return messageOf(plan);
}

export function messageOf(value: unknown): string {
  try {
    validatePlan(value, 'plan.json');
  } catch (error) {
    expect(error).toBeInstanceOf(CrossoverError);
    expect((error as Error).message).not.toMatch(/[\r\n]/);
    return (error as Error).message;
  }
  return 'valid';
}

export const RANGE: Path = ['entries', 0, 'ranges', 1];
export const POINT: Path = ['entries', 0, 'candidates', 0, 'points', 0];
