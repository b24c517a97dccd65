/**
 * @file Prompts of random tokens, through the model: what fills the cache before the first step that is timed.
 */
import { seeded } from '../../measure/random.ts';
import { pagesPerSequence } from '../session/capacity.ts';
import type { HeldModel } from '../session/model.ts';
import type { Start } from './contender.ts';
import type { DecodeRequest } from './request.ts';

/**
 * Collective. Runs a prompt for each of this rank's sequences, and leaves pages as decoding starts from them. Where ranks have sequences of their own, all
 * run as many steps of as many tokens as the one with the most.
 */
export function runPrompts(model: HeldModel, request: DecodeRequest, sequences: number): Start {
  const { promptTokens, seed, session } = request;
  const { vocabulary } = session.config;
  const { comm, capacity } = model;
  const isData = session.attention === 'data';
  const random = seeded(isData ? seed + 1 + comm.rank : seed);
  const pages = pagesPerSequence(model.capacity);
  // Page 0 is nobody's, and so is the last sequence where steps are filled up.
  const owned = (isData ? capacity.sequences - 1 : capacity.sequences) * pages;
  model.write({
    tables: Int32Array.from({ length: capacity.sequences * pages }, (_, i) => (i < owned ? 1 + i : 0)),
  });
  const all = Math.max(...comm.group.gather(sequences));
  const first = new Int32Array(all);
  const atOnce = Math.max(1, Math.min(all, Math.floor(capacity.tokens / promptTokens)));
  let step: ReturnType<HeldModel['step']> | undefined;
  let stepRows = 0;
  for (let row = 0; row < all; row += atOnce) {
    const rows = Math.min(atOnce, all - row);
    const tokens = rows * promptTokens;
    if (rows !== stepRows) {
      step = model.step({ tokens, samples: rows, prompt: true, gathered: tokens * comm.worldSize });
      stepRows = rows;
    }
    model.write({
      ids: Int32Array.from({ length: tokens }, () => Math.floor(random() * vocabulary)),
      positions: Int32Array.from({ length: tokens }, (_, t) => t % promptTokens),
      rows: Int32Array.from({ length: tokens }, (_, t) => row + Math.floor(t / promptTokens)),
      last: Int32Array.from({ length: rows }, (_, r) => (r + 1) * promptTokens - 1),
    });
    step!.enqueue();
    model.checkNumbers(step!);
    first.set(model.readInts(step!.address(model.sampled), rows), row);
  }
  // From here on every sequence has one token a step.
  model.write({ last: Int32Array.from({ length: capacity.samples }, (_, i) => i) });
  return { ids: first, position: promptTokens };
}
