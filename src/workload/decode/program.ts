/**
 * @file Decoding as an SPMD program: what `crossover decode` launches on every rank.
 */
import type { Product } from '../../engine/compute.ts';
import { CrossoverError } from '../../errors.ts';
import type { Group } from '../../group/group.ts';
import { ProgressLine } from '../../report/progress.ts';
import { sequencesByRank } from '../layouts.ts';
import { placeOf, refusalOf, runnable, type WayName } from '../runnable.ts';
import { openSession, type Session } from '../session/open.ts';
import { BatchRun } from './batch.ts';
import type { Track } from './contender.ts';
import { runPrompts } from './prompt.ts';
import { readRate } from './read-rate.ts';
import type { DecodeOutcome, DecodeRequest, DecodeRow } from './request.ts';
import { wayFor } from './ways.ts';

/** Share of the progress line that opening the model takes. */
const OPENING = 0.3;

export default function main(
  group: Group,
  _args: string[],
  request: DecodeRequest,
): DecodeOutcome | undefined {
  const title = group.size === 1 ? 'decode' : `decode, rank ${group.rank}`;
  const line = new ProgressLine(title, request.progress && group.rank === 0);
  let session: Session | undefined;
  try {
    line.phase = 'opening';
    session = openSession(group, request.session, (done, words) => {
      line.phase = done < 0.5 ? `measuring ${words}` : 'weights';
      line.show(done * OPENING, words);
    });
    const outcome = decode(session, request, line);
    line.phase = 'closing';
    return group.rank === 0 ? outcome : undefined;
  } catch (error) {
    if (error instanceof CrossoverError) error.message += ` (${title}: ${line.phase})`;
    throw error;
  } finally {
    line.clear();
    session?.close();
  }
}

/** Collective. Returns the same on all ranks. */
function decode(session: Session, request: DecodeRequest, line: ProgressLine): DecodeOutcome {
  const report = (done: number, words: string): void => {
    line.phase = words;
    line.show(OPENING + (1 - OPENING) * done, words);
  };
  const { model, measured, bytes } = session;
  const { batches, steps } = request;
  const place = placeOf(model.comm);
  const { variants, skipped } = runnable(request.variants, (name) => refusalOf(name, place));
  const attention = request.session.attention ?? 'tensor';
  const most = sequencesByRank(Math.max(...batches), model.comm.worldSize, attention)[model.comm.rank]!;
  report(0, 'matrix products');
  model.comm.engine.tuneProducts?.(productsOf(session, request, variants));
  report(0, 'the rate at which weights are read');
  const rates = model.comm.group.gather(readRate(model));
  const bytesPerSecond = rates.some((rate) => rate === undefined)
    ? undefined
    : Math.min(...rates.map(Number));
  report(0, 'prompts');
  const start = runPrompts(model, request, most);
  const track: Track = {
    steps: model.allocate(4),
    history: model.allocate(4 * steps * model.capacity.samples),
    limit: steps,
  };
  const rows: DecodeRow[] = [];
  let tokens: readonly number[] = [];
  for (const [i, batch] of batches.entries()) {
    const run = new BatchRun(session, request, variants, batch);
    rows.push(
      ...run.time(start, track, (done, words) =>
        report((i + done) / batches.length, `batch ${batch}, ${words}`),
      ),
    );
    if (i === 0) tokens = run.firstTokens;
  }
  return {
    rows,
    skipped,
    bytes,
    measured,
    ...(bytesPerSecond !== undefined && { bytesPerSecond }),
    tokens,
  };
}

/** All matrix products that will be timed, each once; equal on all ranks. */
function productsOf(
  { model, ...rest }: Session,
  request: DecodeRequest,
  names: readonly WayName[],
): Product[] {
  const all = request.batches.flatMap((batch) =>
    names.flatMap((name) => {
      const { way } = wayFor({ model, ...rest }, request, name, batch);
      return model.step({ ...way, samples: way.tokens }).products;
    }),
  );
  const own = new Map(all.map((product) => [JSON.stringify(product), product]));
  // Where ranks have tokens of their own, they differ.
  const everybody = model.comm.group.gather([...own]);
  return [...new Map(everybody.flat()).values()];
}
