/** Ranks come late to barriers at random. Returns when each came and when each went on, by a clock that all processes of a host share. */
import type { Group } from '../../../src/group/group.ts';

export default function clock(group: Group, [rounds]: string[]): [came: bigint, left: bigint][] {
  const nobody = new Int32Array(new SharedArrayBuffer(4));
  return Array.from({ length: Number(rounds) }, () => {
    if (Math.random() < 0.2) Atomics.wait(nobody, 0, 0, 3 * Math.random());
    const came = process.hrtime.bigint();
    group.barrier();
    return [came, process.hrtime.bigint()];
  });
}
