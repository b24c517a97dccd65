/**
 * @file Prompts of random tokens, through the model: what fills the cache before the first step that is timed.
 */
import { seeded } from '../../measure/random.ts';
import { pagesPerSequence } from '../session/capacity.ts';
import type { HeldModel } from '../session/model.ts';
import type { Start } from './contender.ts';

/** Collective. Runs a prompt for each of `sequences`, and leaves places and pages as decoding starts from them. */
export function runPrompts(
  model: HeldModel,
  sequences: number,
  promptTokens: number,
  vocabulary: number,
  seed: number,
): Start {
  const random = seeded(seed);
  const pages = pagesPerSequence(model.capacity);
  // Page 0 is nobody's.
  model.write({
    tables: Int32Array.from({ length: model.capacity.sequences * pages }, (_, i) => 1 + i),
  });
  const first = new Int32Array(sequences);
  const atOnce = Math.max(1, Math.min(sequences, Math.floor(model.capacity.tokens / promptTokens)));
  let step: ReturnType<HeldModel['step']> | undefined;
  let stepRows = 0;
  for (let row = 0; row < sequences; row += atOnce) {
    const rows = Math.min(atOnce, sequences - row);
    const tokens = rows * promptTokens;
    if (rows !== stepRows) {
      step = model.step({ tokens, samples: rows, prompt: true });
      stepRows = rows;
    }
    model.write({
      ids: Int32Array.from({ length: tokens }, () => Math.floor(random() * vocabulary)),
      positions: Int32Array.from({ length: tokens }, (_, t) => t % promptTokens),
      rows: Int32Array.from({ length: tokens }, (_, t) => row + Math.floor(t / promptTokens)),
      last: Int32Array.from({ length: rows }, (_, r) => (r + 1) * promptTokens - 1),
    });
    step!.enqueue();
    first.set(model.readInts(step!.address(model.sampled), rows), row);
  }
  // From here on every sequence has one token a step.
  const count = (length: number): Int32Array => Int32Array.from({ length }, (_, i) => i);
  model.write({ rows: count(sequences), last: count(sequences) });
  return { ids: first, position: promptTokens };
}
