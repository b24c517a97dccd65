/**
 * @file The conditions that engines' rules are made of. Each says in words what it asks, and the sizes at which its answer changes.
 */
import { formatBytes } from '../../units.ts';
import type { Rule } from './types.ts';

export const KIB: number = 1024;
export const MIB: number = 1024 * KIB;

/** Bytes by compute capability, then world size. */
export type Table = Readonly<Record<string, Readonly<Record<number, number>>>>;

/** Something that does not depend on the size. */
export function fact(text: string, holds: boolean): Rule {
  return { text, holds: () => holds, edges: [] };
}

export function below(limit: number): Rule {
  return { text: `below ${formatBytes(limit)}`, holds: (bytes) => bytes < limit, edges: [Math.ceil(limit)] };
}

export function atMost(limit: number): Rule {
  return {
    text: `at most ${formatBytes(limit)}`,
    holds: (bytes) => bytes <= limit,
    edges: [Math.floor(limit) + 1],
  };
}

export function atLeast(limit: number): Rule {
  return { text: `at least ${formatBytes(limit)}`, holds: (bytes) => bytes >= limit, edges: [limit] };
}

/** At most `lower`, or at least `upper`. */
export function outside(lower: number, upper: number): Rule {
  return {
    text: `at most ${formatBytes(lower)} or at least ${formatBytes(upper)}`,
    holds: (bytes) => bytes <= lower || bytes >= upper,
    edges: [lower + 1, upper],
  };
}

/** No edges: a size between two others is no multiple of anything, and reports look at multiples only. */
export function multipleOf(factor: number): Rule {
  return { text: `a multiple of ${factor} bytes`, holds: (bytes) => bytes % factor === 0, edges: [] };
}

/** What a table has for a capability and a world size. */
export function entry(table: Table, capability: string, worldSize: number): number | undefined {
  return table[capability]?.[worldSize];
}

/** A limit from a table: that there is one, and that the size keeps it. */
export function limited(limit: number | undefined, what: string, rule: (limit: number) => Rule): Rule[] {
  return limit === undefined ? [fact(`${what} has an entry`, false)] : [rule(limit)];
}

const ELEMENT_BYTES: Readonly<Record<string, number>> = { bf16: 2, f16: 2, f32: 4 };

/** Bytes of an element of what models compute in; 2 for what is not known here. */
export function elementBytes(dtype: string): number {
  return ELEMENT_BYTES[dtype] ?? 2;
}
