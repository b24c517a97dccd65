/**
 * @file The contenders of a decode run: which variants there are, and how each runs a batch.
 */
import { gatheredRows, type Layout, plannedLayout, rowsByRank, sequencesByRank } from '../layouts.ts';
import { isData, type WayName } from '../runnable.ts';
import type { Session, SessionRequest } from '../session/open.ts';
import { Chooser, DATA_VARIANTS, VARIANTS } from '../variants.ts';
import type { Way } from './contender.ts';
import type { DecodeRequest } from './request.ts';

/** The variants that there are for a kind of attention. */
export function wayNames(attention: 'tensor' | 'data'): readonly WayName[] {
  return attention === 'data' ? DATA_VARIANTS : VARIANTS;
}

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
  const tokens = rowsByRank(byRank);
  const most = Math.max(...tokens);
  const gathered = gatheredRows(tokens);
  const outside = name.endsWith('-outside');
  const layout =
    name === 'plan'
      ? plannedLayout(index, request.session.config.hidden, tokens)
      : name.startsWith('padded')
        ? 'padded'
        : 'summed';
  if (layout === 'padded')
    return {
      name,
      layout,
      chooser,
      way: { tokens: most, gathered: gathered.padded, mostTokens: most, outside, choose },
    };
  const isEqual = gathered.summed === gathered.padded;
  return {
    name,
    // Of equal numbers, both are the same.
    layout: isEqual ? 'padded' : 'summed',
    chooser,
    way: {
      tokens: tokens[comm.rank]!,
      gathered: gathered.summed,
      mostTokens: most,
      outside,
      choose,
      ...(!isEqual && { parts: tokens }),
    },
  };
}

/**
 * Whether a step in which ranks do not meet tells how long others wait for each other. With experts it does not: without all tokens of all ranks, whole and sampled
 * from the whole vocabulary, other experts are read.
 */
export function canBeAlone({ config, attention }: Pick<SessionRequest, 'config' | 'attention'>): boolean {
  return attention !== 'data' && config.moe === undefined;
}

/** The same, without anything that ranks do together. */
export function aloneWay({ way }: MadeWay): Way {
  return { ...way, outside: undefined, choose: undefined, alone: true };
}
