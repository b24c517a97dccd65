/**
 * @file Every kernel of models on the engine of this rank, case by case.
 */
import { createCommunicator } from '../../../dist/collective/create.js';
import type { Product } from '../../../dist/engine/compute.js';
import type { Group } from '../../../dist/group/group.js';
import type { ProgramData } from '../../collective/support/engines.ts';
import { Random } from '../../collective/support/random.ts';
import { FAMILIES } from '../cases/families.ts';
import type { Case } from '../support/case.ts';
import { type Found, runCases } from '../support/run.ts';

export interface KernelsOptions {
  /** Names of families; all of them by default. */
  readonly families?: readonly string[];
  /** Shapes as models have them. */
  readonly large?: boolean;
  /** Whether products are tuned before they run. */
  readonly tuned?: boolean;
  readonly seed?: number;
}

export interface KernelsReport {
  readonly cases: number;
  readonly problems: readonly string[];
  readonly families: Readonly<Record<string, Found>>;
}

/** Problems of a family that are told. */
const ENOUGH = 10;

export default function kernels(
  group: Group,
  _args: string[],
  { engine: name, options }: ProgramData<KernelsOptions>,
): KernelsReport {
  const { families = Object.keys(FAMILIES), large = false, tuned = false, seed = 1 } = options;
  const comm = createCommunicator(group, {
    engine: name,
    plan: null,
    warn: () => {},
    ...(large && { arenaBytes: 768 * 2 ** 20 }),
  });
  const memory = comm.empty('i8', [(large ? 512 : 48) * 2 ** 20]);
  const found: Record<string, Found> = {};
  for (const family of families) {
    const making = { random: new Random(seed), engine: name, large };
    try {
      const cases = FAMILIES[family]!(making);
      if (tuned) comm.engine.tuneProducts?.(cases.flatMap(productOf));
      found[family] = runCases(comm.engine, memory, making.random, cases);
    } catch (error) {
      found[family] = { cases: 0, refused: 0, problems: [`${family}: threw ${placeOf(error)}`] };
    }
  }
  const all = Object.values(found);
  return {
    cases: all.reduce((sum, { cases }) => sum + cases, 0),
    problems: all.flatMap(({ problems }) => problems.slice(0, ENOUGH)),
    families: found,
  };
}

/** What is tuned for a case. */
function productOf({ kernel, integers }: Case): Product[] {
  if (kernel !== 'linear' && kernel !== 'scaled_linear' && kernel !== 'head_linear') return [];
  const { tokens = 0, heads = 1, outer = 0, inner = 0, scalePerToken = 0 } = integers;
  return tokens === 0 ? [] : [{ kernel, tokens, heads, outer, inner, scalePerToken }];
}

/** What was thrown, and where. */
function placeOf(error: unknown): string {
  const [message, place = ''] = String((error as Error).stack ?? error).split('\n');
  return `${message} ${place.trim()}`;
}
