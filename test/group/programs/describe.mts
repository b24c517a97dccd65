import type { Group } from '../../../src/group/group.ts';

export interface Description {
  rank: number;
  size: number;
  spins: number;
  args: string[];
  argv: string[];
  name: string | undefined;
}

export function describe(group: Group, args: string[], name: string | undefined): Description {
  const { rank, size, spins } = group;
  return { rank, size, spins, args, argv: process.argv.slice(2), name };
}
