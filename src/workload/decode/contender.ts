/**
 * @file One way to run decode steps of a batch, recorded: the model's step, and behind it what makes the tokens it has sampled the next step's input.
 */
import { createHash } from 'node:crypto';
import type { Recording } from '../../engine/engine.ts';
import type { HeldModel } from '../session/model.ts';
import type { Chooser } from '../variants.ts';
import type { Contender } from './measure.ts';

/** Where decoding starts: the same for all contenders. */
export interface Start {
  /** First token of every sequence behind its prompt, and where it stands. */
  readonly ids: Int32Array;
  readonly position: number;
}

/** Counters and tokens of a run, on the device. */
export interface Track {
  /** i32 [1]: steps so far. */
  readonly steps: number;
  /** i32 [limit, batch]. */
  readonly history: number;
  readonly limit: number;
}

export class DecodeContender implements Contender {
  readonly recording: Recording;
  readonly #model: HeldModel;
  readonly #batch: number;
  readonly #start: Start;
  readonly #track: Track;

  /** Collective: runs once, so that everything is compiled, and records. */
  constructor(model: HeldModel, batch: number, start: Start, track: Track, chooser: Chooser | undefined) {
    this.#model = model;
    this.#batch = batch;
    this.#start = start;
    this.#track = track;
    const step = model.step({
      tokens: batch,
      samples: batch,
      ...(chooser ? { choose: chooser.choose } : { alone: true }),
    });
    const { comm } = model;
    const run = (): void => {
      step.enqueue();
      comm.engine.compute('advance', {
        ids: model.inputs.get('ids')!,
        positions: model.inputs.get('positions')!,
        history: track.history,
        steps: track.steps,
        sampled: step.address(model.sampled),
        tokens: batch,
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
    this.#model.write({
      ids: ids.subarray(0, this.#batch),
      positions: new Int32Array(this.#batch).fill(position),
    });
    this.#model.comm.engine.write(this.#track.steps, new Uint8Array(4));
  }

  /** Tokens of the last sample, step after step. */
  tokens(steps: number): Int32Array {
    return this.#model.readInts(this.#track.history, Math.min(steps, this.#track.limit) * this.#batch);
  }

  close(): void {
    this.recording.close();
  }
}

export function hashOf(tokens: Int32Array): string {
  const bytes = new Uint8Array(tokens.buffer, tokens.byteOffset, tokens.byteLength);
  return createHash('sha256').update(bytes).digest('hex').slice(0, 16);
}
