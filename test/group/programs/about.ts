/** Says what a rank is given. Types, a type-only import and an import of another TypeScript file are part of the test. */
import type { Group } from '../../../src/group/group.ts';
import { type Description, describe } from './describe.mts';

interface Data {
  readonly name: string;
}

export default async function about(
  group: Group,
  args: string[],
  data: Data | undefined,
): Promise<Description> {
  await Promise.resolve();
  return describe(group, args, data?.name as string | undefined);
}
