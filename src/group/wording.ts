/**
 * @file How messages speak of ranks: "rank 1", "ranks 0, 2", "ranks 0-6"; and who does what, with equal doings together.
 */

/** "rank 1", "ranks 0, 2" or, with three or more in a row, "ranks 0-2, 5". Ranks are in rising order. */
export function nameRanks(ranks: readonly number[]): string {
  const runs: string[] = [];
  for (let i = 0; i < ranks.length; ) {
    let end = i;
    while (ranks[end + 1] === ranks[end]! + 1) end++;
    if (end - i >= 2) runs.push(`${ranks[i]}-${ranks[end]}`);
    else runs.push(...ranks.slice(i, end + 1).map(String));
    i = end + 1;
  }
  return `${ranks.length === 1 ? 'rank' : 'ranks'} ${runs.join(', ')}`;
}

/**
 * "rank 0 waits in barrier #2; ranks 1, 2 wait in gather #1", for `what` of each rank and a verb for one and for many.
 * Ranks without a `what` are left out.
 */
export function listByWhat(what: readonly (string | undefined)[], one: string, many: string): string {
  const groups = new Map<string, number[]>();
  for (const [rank, text] of what.entries()) {
    if (text !== undefined) groups.set(text, [...(groups.get(text) ?? []), rank]);
  }
  return Array.from(
    groups,
    ([text, ranks]) => `${nameRanks(ranks)} ${ranks.length === 1 ? one : many} ${text}`,
  ).join('; ');
}

/** "1 rank", "2 ranks". */
export function rankCount(count: number): string {
  return `${count} ${count === 1 ? 'rank' : 'ranks'}`;
}
