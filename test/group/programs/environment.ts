/** What a rank finds in its environment. */
import type { Group } from '../../../src/group/group.ts';

export default function environment(group: Group): Record<string, unknown> {
  const { env } = process;
  const names = Object.keys(env).filter((name) => name.startsWith('CROSSOVER_') || name.startsWith('NCCL_'));
  const { kind, localRank, localSize } = group;
  return {
    kind,
    localRank,
    localSize,
    pid: process.pid,
    ...Object.fromEntries(names.map((n) => [n, env[n]])),
  };
}
