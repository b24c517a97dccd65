/**
 * @file Which ranks meet in a collective.
 */
import { CrossoverError } from '../../errors.ts';

/** By name of a group, the lists of ranks that meet. Every rank stands in exactly one list. */
export type Groups = Readonly<Record<string, readonly (readonly number[])[]>>;

/** @throws CrossoverError when a rank is in no list of the group, in two, or is none */
export function groupsNamed(groups: Groups, name: string, ranks: number): readonly (readonly number[])[] {
  const all = Array.from({ length: ranks }, (_, rank) => rank);
  const lists = Object.hasOwn(groups, name) ? groups[name] : undefined;
  if (!lists) return [all];
  const members = lists.flat().sort((a, b) => a - b);
  if (members.length === ranks && members.every((member, rank) => member === rank))
    return lists.filter((list) => list.length > 0);
  throw new CrossoverError(
    `group "${name}" is [${lists.map((list) => `[${list.join(', ')}]`).join(', ')}]; name each of the ranks 0 to ${ranks - 1} once`,
  );
}
