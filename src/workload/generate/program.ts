/**
 * @file Text from a checkpoint, as an SPMD program: what `crossover generate` launches on every rank. The prompt is read in steps of many tokens; then a step a token,
 * recorded once.
 */
import { writeSync } from 'node:fs';
import { CrossoverError } from '../../errors.ts';
import type { Step } from '../../graph/run/step.ts';
import type { Group } from '../../group/group.ts';
import { seeded } from '../../measure/random.ts';
import { ProgressLine } from '../../report/progress.ts';
import { pagesPerSequence } from '../session/capacity.ts';
import type { HeldModel } from '../session/model.ts';
import { openSession, type SessionRequest } from '../session/open.ts';
import { TextTokenizer } from '../text/tokenizer.ts';
import { Chooser } from '../variants.ts';

export interface GenerateRequest {
  /** With a checkpoint; room for one sequence. */
  readonly session: SessionRequest & { readonly checkpoint: string };
  /** Tokens of the prompt. */
  readonly prompt: readonly number[];
  /** The most tokens to generate. */
  readonly tokens: number;
  /** 0 takes the likeliest token. */
  readonly temperature: number;
  readonly seed: number;
  /** Whether text is written to stdout as it comes. */
  readonly stream: boolean;
  readonly progress: boolean;
}

export interface GenerateOutcome {
  /** Tokens that were generated; the one that ends a text is not among them. */
  readonly tokens: readonly number[];
  readonly text: string;
  /** Seconds to the first token, and of all others together. */
  readonly promptSeconds: number;
  readonly decodeSeconds: number;
}

const STDOUT = 1;

export default function main(
  group: Group,
  _args: string[],
  request: GenerateRequest,
): GenerateOutcome | undefined {
  const line = new ProgressLine('generate', request.progress && group.rank === 0);
  const session = openSession(group, request.session, (done, words) => line.show(done, words));
  try {
    line.clear();
    const { model, index } = session;
    const chooser = new Chooser(model.comm, index, 'plan', 0);
    const outcome = generate(model, request, chooser);
    return group.rank === 0 ? outcome : undefined;
  } finally {
    line.clear();
    session.close();
  }
}

/** Collective. The same tokens on all ranks. */
function generate(model: HeldModel, request: GenerateRequest, chooser: Chooser): GenerateOutcome {
  const { comm, capacity } = model;
  const { prompt, session, seed, temperature } = request;
  const tokenizer = new TextTokenizer(session.checkpoint);
  const text = tokenizer.stream();
  const random = seeded(seed);
  const pieces: string[] = [];
  let isRead = request.stream && comm.rank === 0;
  const give = (piece: string): void => {
    pieces.push(piece);
    if (isRead) isRead = show(piece);
  };
  const sampledBy = (step: Step): number => {
    model.checkNumbers(step);
    return model.readInts(step.address(model.sampled), 1)[0]!;
  };
  const { choose } = chooser;
  const start = performance.now();
  model.write({
    tables: Int32Array.from({ length: pagesPerSequence(capacity) }, (_, i) => 1 + i),
    temperatures: Float32Array.of(temperature),
    uniforms: Float32Array.of(random()),
  });
  let id = 0;
  for (let from = 0; from < prompt.length; from += capacity.tokens) {
    const part = prompt.slice(from, from + capacity.tokens);
    const step = model.step({ tokens: part.length, samples: 1, prompt: true, choose });
    model.write({
      ids: Int32Array.from(part),
      positions: Int32Array.from(part, (_, i) => from + i),
      last: Int32Array.of(part.length - 1),
    });
    step.enqueue();
    id = sampledBy(step);
  }
  const promptSeconds = (performance.now() - start) / 1000;
  const tokens: number[] = [];
  const step = model.step({ tokens: 1, samples: 1, choose });
  model.write({ ids: Int32Array.of(id), positions: Int32Array.of(prompt.length), last: Int32Array.of(0) });
  // What is recorded has to have run: the first token's place is written twice, with the same.
  step.enqueue();
  const recording = comm.capture(() => step.enqueue());
  const decodeStart = performance.now();
  while (!tokenizer.ends.has(id)) {
    tokens.push(id);
    give(text.push(id));
    if (tokens.length === request.tokens) break;
    model.write({
      ids: Int32Array.of(id),
      positions: Int32Array.of(prompt.length + tokens.length - 1),
      uniforms: Float32Array.of(random()),
    });
    recording.replay();
    id = sampledBy(step);
  }
  give(text.finish());
  recording.close();
  const decodeSeconds = (performance.now() - decodeStart) / 1000;
  return { tokens, text: pieces.join(''), promptSeconds, decodeSeconds };
}

/** Writes to stdout at once. Returns whether anybody reads it still. */
function show(piece: string): boolean {
  try {
    writeSync(STDOUT, piece);
    return true;
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === 'EPIPE') return false;
    throw new CrossoverError(`cannot write to stdout: ${message}`, { cause });
  }
}
