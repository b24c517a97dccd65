/**
 * @file The contenders of a decode run: which variants there are, and how each runs a batch.
 */
import type { Communicator } from '../../collective/communicator.ts';
import type { PlanIndex } from '../../plan/lookup.ts';
import type { Session } from '../session/open.ts';
import {
  Chooser,
  DATA_VARIANTS,
  type DataVariantName,
  measuredUs,
  VARIANTS,
  type VariantName,
  variantRefusal,
} from '../variants.ts';
import type { Way } from './contender.ts';
import type { DecodeRequest } from './request.ts';

/** Any variant of a decode run. */
export type WayName = VariantName | DataVariantName;

/** The variants that there are for a kind of attention. */
export function wayNames(attention: 'tensor' | 'data'): readonly WayName[] {
  return attention === 'data' ? DATA_VARIANTS : VARIANTS;
}

/** Why a variant cannot run here; undefined when it can. */
export function wayRefusal(comm: Communicator, name: WayName): string | undefined {
  if (name.endsWith('-outside') && !comm.engine.allocate)
    return `the ${comm.engine.name} engine has no memory outside the symmetric heap`;
  if (isData(name)) return comm.worldSize === 1 ? 'one rank has nobody to gather tokens from' : undefined;
  return variantRefusal(comm, name);
}

function isData(name: WayName): name is Exclude<DataVariantName, 'plan'> {
  return name !== 'plan' && (DATA_VARIANTS as readonly string[]).includes(name);
}

/** Sequences of every rank when so many are decoded at a time. */
export function sequencesByRank(batch: number, worldSize: number, attention: 'tensor' | 'data'): number[] {
  return Array.from({ length: worldSize }, (_, rank) =>
    attention === 'tensor' ? batch : Math.floor(batch / worldSize) + (rank < batch % worldSize ? 1 : 0),
  );
}

/** Whose tokens a step's products have: variants of one layout differ in collectives alone. */
export type Layout = 'own' | 'padded' | 'summed';

export interface MadeWay {
  readonly name: WayName;
  readonly layout: Layout;
  readonly way: Way;
  readonly chooser: Chooser;
}

/** One variant at one batch. */
export function wayFor(session: Session, request: DecodeRequest, name: WayName, batch: number): MadeWay {
  const { model, index } = session;
  const { comm } = model;
  const attention = request.session.attention ?? 'tensor';
  const chooser = new Chooser(comm, index, isData(name) ? 'plan' : name, request.capBytes);
  const { choose } = chooser;
  const byRank = sequencesByRank(batch, comm.worldSize, attention);
  if (attention === 'tensor') return { name, layout: 'own', chooser, way: { tokens: batch, choose } };
  // A rank without sequences takes part with one that is nobody's.
  const tokens = byRank.map((count) => Math.max(1, count));
  const most = Math.max(...tokens);
  const outside = name.endsWith('-outside');
  const layout =
    name === 'plan' ? plannedLayout(index, request, tokens) : name.startsWith('padded') ? 'padded' : 'summed';
  if (layout === 'padded')
    return {
      name,
      layout,
      chooser,
      way: { tokens: most, gathered: most * comm.worldSize, mostTokens: most, outside, choose },
    };
  const gathered = tokens.reduce((sum, count) => sum + count, 0);
  const isEqual = tokens.every((count) => count === most);
  return {
    name,
    // Of equal numbers, both are the same.
    layout: isEqual ? 'padded' : 'summed',
    chooser,
    way: {
      tokens: tokens[comm.rank]!,
      gathered,
      mostTokens: most,
      outside,
      choose,
      ...(!isEqual && { parts: tokens }),
    },
  };
}

/** Padded unless gathering and scattering fewer bytes was measured to be faster. */
function plannedLayout(
  index: PlanIndex,
  request: DecodeRequest,
  tokens: readonly number[],
): 'padded' | 'summed' {
  const { hidden } = request.session.config;
  const us = (rows: number): number =>
    (['all_gather', 'reduce_scatter'] as const).reduce((sum, operation) => {
      const wanted = { operation, dtype: 'bf16' as const, bytes: 2 * hidden * rows, registered: true };
      return sum + (measuredUs(index, 'plan', wanted, tokens.length, 0) ?? 0);
    }, 0);
  const summed = tokens.reduce((sum, count) => sum + count, 0);
  return us(summed) < us(Math.max(...tokens) * tokens.length) ? 'summed' : 'padded';
}

/** The same, without anything that ranks do together. */
export function aloneWay({ way }: MadeWay): Way {
  return { ...way, outside: undefined, choose: undefined, alone: true };
}
