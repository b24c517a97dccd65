/**
 * @file The smallest SPMD program: every rank runs this function, and they meet to compare notes.
 *
 *   $ crossover run examples/hello.ts --ranks 4
 */
import type { Group } from 'crossover';

export default function main(group: Group): number {
  // What rank 0 says, all hear; what each says, all get, in rank order.
  const greeting = group.broadcast(group.rank === 0 ? `hello from ${group.size} ranks` : '');
  const ranks = group.gather(group.rank);

  const sum = ranks.reduce((a, b) => a + b);
  if (sum !== (group.size * (group.size - 1)) / 2) throw new Error(`rank ${group.rank} got ${ranks}`);

  // A rank's lines come in its own order; a barrier between them orders the ranks.
  for (let turn = 0; turn < group.size; turn++) {
    if (turn === group.rank) console.log(`rank ${group.rank}: ${greeting}, and our ranks sum to ${sum}`);
    group.barrier();
  }
  return sum;
}
