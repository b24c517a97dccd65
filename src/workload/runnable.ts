/**
 * @file Which variants can run, and why the others cannot: as far as that can be told before there are ranks, for command lines to refuse early, and by the ranks themselves.
 */
import { type Request, refusal } from '../collective/algorithm.ts';
import { algorithmNamed } from '../collective/catalog.ts';
import type { Communicator } from '../collective/communicator.ts';
import { type EngineName, ncclProblem } from '../collective/engines.ts';
import { CrossoverError } from '../errors.ts';
import { DATA_VARIANTS, type DataVariantName, type VariantName } from './variants.ts';

/** Any variant of a run. */
export type WayName = VariantName | DataVariantName;

/** What variants depend on. */
export interface Place {
  readonly engine: string;
  readonly worldSize: number;
  /** Whether there is memory outside the symmetric heap. */
  readonly hasOutside: boolean;
  /** Why NCCL cannot be used; undefined when it can. */
  ncclProblem(): string | undefined;
}

/** As it looks before anything is launched: NCCL may be there, and refuse to connect ranks. */
export function placeBefore(engine: EngineName, worldSize: number): Place {
  return { engine, worldSize, hasOutside: engine === 'cuda', ncclProblem: () => ncclProblem(engine) };
}

/** Collective where NCCL is asked for: it is opened then. */
export function placeOf({ engine, worldSize }: Communicator): Place {
  const request: Request = { operation: 'all_reduce', dtype: 'bf16', worldSize, bytes: 1 << 16 };
  return {
    engine: engine.name,
    worldSize,
    hasOutside: engine.allocate !== undefined,
    ncclProblem: () => refusal(algorithmNamed('all_reduce', 'nccl'), request, engine),
  };
}

/** Why a variant cannot run there; undefined when it can. */
export function refusalOf(name: WayName, place: Place): string | undefined {
  if (name === 'plan') return undefined;
  if (name.endsWith('-outside') && !place.hasOutside)
    return `the ${place.engine} engine has no memory outside the symmetric heap`;
  if (place.worldSize === 1)
    return isData(name)
      ? 'one rank has nobody to gather tokens from'
      : 'one rank has no collectives to dispatch';
  return name === 'nccl' ? place.ncclProblem() : undefined;
}

/** Whether it is a way to gather tokens of data-parallel attention, and none to dispatch. */
export function isData(name: WayName): name is Exclude<DataVariantName, 'plan'> {
  return name !== 'plan' && (DATA_VARIANTS as readonly string[]).includes(name);
}

export interface Runnable<Name extends WayName> {
  readonly variants: Name[];
  readonly skipped: { readonly variant: Name; readonly reason: string }[];
}

/**
 * Those that can run, and why the others cannot.
 * @param refusal why a variant cannot run; undefined when it can
 */
export function sortOut<Name extends WayName>(
  asked: readonly Name[],
  refusal: (name: Name) => string | undefined,
): Runnable<Name> {
  const skipped = asked.flatMap((variant) => {
    const reason = refusal(variant);
    return reason === undefined ? [] : [{ variant, reason }];
  });
  return { variants: asked.filter((name) => !skipped.some(({ variant }) => variant === name)), skipped };
}

/** The same. @throws CrossoverError when none can */
export function runnable<Name extends WayName>(
  asked: readonly Name[],
  refusal: (name: Name) => string | undefined,
): Runnable<Name> {
  const sorted = sortOut(asked, refusal);
  if (sorted.variants.length > 0) return sorted;
  throw new CrossoverError(`no variant can run here: ${reasonsOf(sorted)}`);
}

/** In words. */
export function reasonsOf({ skipped }: Runnable<WayName>): string {
  return skipped.map(({ variant, reason }) => `${variant}: ${reason}`).join('; ');
}
