/**
 * @file Decoding as an SPMD program: what `crossover decode` launches on every rank.
 */
import type { Product } from '../../engine/compute.ts';
import type { Group } from '../../group/group.ts';
import { ProgressLine } from '../../report/progress.ts';
import type { HeldModel } from '../session/model.ts';
import { openSession, type Session } from '../session/open.ts';
import { variantRefusal } from '../variants.ts';
import { BatchRun } from './batch.ts';
import type { Track } from './contender.ts';
import { runPrompts } from './prompt.ts';
import type { DecodeOutcome, DecodeRequest, DecodeRow } from './request.ts';

/** Share of the progress line that opening the model takes. */
const OPENING = 0.3;

export default function main(
  group: Group,
  _args: string[],
  request: DecodeRequest,
): DecodeOutcome | undefined {
  const line = new ProgressLine('decode', request.progress && group.rank === 0);
  const session = openSession(group, request.session, (done, words) => line.show(done * OPENING, words));
  try {
    const outcome = decode(session, request, (done, words) =>
      line.show(OPENING + (1 - OPENING) * done, words),
    );
    return group.rank === 0 ? outcome : undefined;
  } finally {
    line.clear();
    session.close();
  }
}

/** Collective. Returns the same on all ranks. */
function decode(
  session: Session,
  request: DecodeRequest,
  report: (done: number, words: string) => void,
): DecodeOutcome {
  const { model, measured, bytes } = session;
  const { batches, promptTokens, steps, seed } = request;
  const { vocabulary } = request.session.config;
  const refused = request.variants.map((variant) => ({
    variant,
    reason: variantRefusal(model.comm, variant),
  }));
  const variants = refused.flatMap(({ variant, reason }) => (reason === undefined ? [variant] : []));
  const most = Math.max(...batches);
  report(0, 'matrix products');
  model.comm.engine.tuneProducts?.(productsOf(model, batches));
  report(0, 'prompts');
  const start = runPrompts(model, most, promptTokens, vocabulary, seed);
  const track: Track = {
    steps: model.allocate(4),
    history: model.allocate(4 * steps * most),
    limit: steps,
  };
  const rows: DecodeRow[] = [];
  let tokens: readonly number[] = [];
  for (const [i, batch] of batches.entries()) {
    const run = new BatchRun(session, request, variants, batch, start, track);
    rows.push(...run.time((done) => report((i + done) / batches.length, `batch ${batch}`)));
    if (i === 0) tokens = run.firstTokens;
  }
  return {
    rows,
    skipped: refused.flatMap(({ variant, reason }) => (reason === undefined ? [] : [{ variant, reason }])),
    bytes,
    measured,
    tokens,
  };
}

/** All matrix products that will be timed, each once. */
function productsOf(model: HeldModel, batches: readonly number[]): Product[] {
  const all = batches.flatMap((batch) => model.step({ tokens: batch, samples: batch }).products);
  return [...new Map(all.map((product) => [JSON.stringify(product), product])).values()];
}
