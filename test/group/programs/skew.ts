/** Ranks come late to barriers at random. Returns how often a rank was past a barrier that another had not reached. */
import type { Group } from '../../../src/group/group.ts';

export default function skew(group: Group, [rounds]: string[], shared: Int32Array): number {
  const clock = new Int32Array(new SharedArrayBuffer(4));
  let early = 0;
  for (let round = 1; round <= Number(rounds); round++) {
    const dice = Math.random();
    if (dice < 0.05) Atomics.wait(clock, 0, 0, 3 * Math.random());
    else if (dice < 0.3) for (let i = 0; i < 20_000 * Math.random(); i++) Atomics.load(clock, 0);
    Atomics.store(shared, group.rank, round);
    group.barrier();
    for (let peer = 0; peer < group.size; peer++) {
      const at = Atomics.load(shared, peer);
      if (at < round || at > round + 1) early++;
    }
  }
  return early;
}
