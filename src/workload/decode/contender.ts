/**
 * @file One way to run decode steps of a batch, recorded: the model's step, and behind it what makes the tokens it has sampled the next step's input.
 */
import { createHash } from 'node:crypto';
import type { Recording } from '../../engine/engine.ts';
import type { HeldModel, StepRequest } from '../session/model.ts';
import type { Chooser } from '../variants.ts';
import type { Contender } from './measure.ts';

/** Where decoding starts: the same for all contenders. */
export interface Start {
  /** First token of every sequence of this rank behind its prompt, and where it stands. */
  readonly ids: Int32Array;
  readonly position: number;
}

/** Counters and tokens of a run, on the device. */
export interface Track {
  /** i32 [1]: steps so far. */
  readonly steps: number;
  /** i32 [limit, tokens]. */
  readonly history: number;
  readonly limit: number;
}

/** How a contender runs the sequences of a batch. */
export interface Way
  extends Pick<StepRequest, 'choose' | 'alone' | 'parts' | 'gathered' | 'mostTokens' | 'outside'> {
  /** Rows of a step: this rank's sequences, and what fills them up. */
  readonly tokens: number;
}

export class DecodeContender implements Contender {
  readonly recording: Recording;
  readonly #model: HeldModel;
  readonly #sequences: number;
  readonly #tokens: number;
  readonly #start: Start;
  readonly #track: Track;

  /** Collective: runs once, so that everything is compiled, and records. `sequences` are those of this rank. */
  constructor(model: HeldModel, sequences: number, start: Start, track: Track, way: Way, chooser?: Chooser) {
    this.#model = model;
    this.#sequences = sequences;
    this.#tokens = way.tokens;
    this.#start = start;
    this.#track = track;
    const step = model.step({ ...way, samples: way.tokens });
    const { comm } = model;
    const run = (): void => {
      step.enqueue();
      comm.engine.compute('advance', {
        ids: model.inputs.get('ids')!,
        positions: model.inputs.get('positions')!,
        history: track.history,
        steps: track.steps,
        sampled: step.address(model.sampled),
        tokens: way.tokens,
        limit: track.limit,
      });
    };
    this.reset();
    run();
    comm.synchronize();
    chooser?.reset();
    this.recording = comm.capture(run);
  }

  reset(): void {
    const { ids, position } = this.#start;
    const own = this.#sequences;
    // What fills up belongs to the sequence behind the last, which has no pages of its own.
    const filled = (value: (i: number) => number, rest: number): Int32Array =>
      Int32Array.from({ length: this.#tokens }, (_, i) => (i < own ? value(i) : rest));
    this.#model.write({
      ids: filled((i) => ids[i]!, 0),
      positions: filled(() => position, 0),
      rows: filled((i) => i, this.#model.capacity.sequences - 1),
    });
    this.#model.comm.engine.write(this.#track.steps, new Uint8Array(4));
  }

  /** Tokens of the last sample, step after step, of this rank's sequences. */
  tokens(steps: number): Int32Array {
    const kept = Math.min(steps, this.#track.limit);
    const all = this.#model.readInts(this.#track.history, kept * this.#tokens);
    const own = new Int32Array(kept * this.#sequences);
    for (let step = 0; step < kept; step++) {
      const row = all.subarray(step * this.#tokens, step * this.#tokens + this.#sequences);
      own.set(row, step * this.#sequences);
    }
    return own;
  }

  close(): void {
    this.recording.close();
  }
}

export function hashOf(tokens: Int32Array): string {
  const bytes = new Uint8Array(tokens.buffer, tokens.byteOffset, tokens.byteLength);
  return createHash('sha256').update(bytes).digest('hex').slice(0, 16);
}
