/**
 * @file Two sequences through a checkpoint's model on an engine: prompts in one step, then token by token, eager and recorded. Returns logits of every token from a place on.
 */
import type { EngineName } from '../../../../dist/collective/engines.js';
import type { Group } from '../../../../dist/group/group.js';
import { decodeArray } from '../../../../dist/tensor/formats/array.js';
import { readModelConfig } from '../../../../dist/workload/models/hugging-face.js';
import { pagesPerSequence } from '../../../../dist/workload/session/capacity.js';
import { openSession } from '../../../../dist/workload/session/open.js';

export interface LogitsRequest {
  readonly engine: EngineName;
  readonly folder: string;
  readonly sequences: readonly (readonly number[])[];
  /** Tokens of each sequence that come one at a time. */
  readonly alone: number;
  readonly experts: 'tensor' | 'expert';
  readonly pageSize: number;
}

/** By sequence and place, the whole vocabulary. */
export type Logits = Record<string, number[]>;

export default function main(group: Group, _args: string[], request: LogitsRequest): Logits {
  const { folder, sequences, alone, experts, pageSize, engine } = request;
  const config = readModelConfig(folder);
  const lengths = sequences.map((ids) => ids.length);
  const capacity = {
    sequences: sequences.length,
    places: Math.max(...lengths),
    pageSize,
    tokens: lengths.reduce((sum, length) => sum + length, 0),
    samples: sequences.length,
  };
  const session = openSession(
    group,
    { config, capacity, engine, checkpoint: folder, tunedTokens: 0, experts },
    () => {},
  );
  const { model } = session;
  const { comm } = model;
  const pages = pagesPerSequence(capacity);
  const found: Logits = {};
  // Pages of the two sequences alternate, so that none of them lie together.
  model.write({
    tables: Int32Array.from(
      { length: capacity.sequences * pages },
      (_, i) => 1 + (i % pages) * capacity.sequences + Math.floor(i / pages),
    ),
  });
  const run = (tokens: { row: number; place: number }[], last: number[], prompt: boolean): void => {
    model.write({
      ids: Int32Array.from(tokens, ({ row, place }) => sequences[row]![place]!),
      positions: Int32Array.from(tokens, ({ place }) => place),
      rows: Int32Array.from(tokens, ({ row }) => row),
      last: Int32Array.from(last),
    });
    const step = model.step({ tokens: tokens.length, samples: last.length, prompt });
    step.enqueue();
    if (!prompt) {
      // The same again, recorded: it overwrites the places it has written, with the same.
      const recording = comm.capture(() => step.enqueue());
      recording.replay();
      recording.close();
    }
    const columns = step.shape(model.logits).at(-1)!;
    const own = decodeArray('bf16', comm.engine.read(step.address(model.logits), 2 * last.length * columns));
    const shards = group.gather(Array.from(own));
    for (const [i, at] of last.entries()) {
      const { row, place } = tokens[at]!;
      const row0 = columns === config.vocabulary ? [shards[0]!] : shards;
      found[`${row} ${place}`] = row0.flatMap((shard) => shard.slice(i * columns, (i + 1) * columns));
    }
  };
  const prompts = sequences.flatMap((ids, row) =>
    ids.slice(0, ids.length - alone).map((_, place) => ({ row, place })),
  );
  const ends = sequences.map((ids, row) =>
    prompts.findIndex((token) => token.row === row && token.place === ids.length - alone - 1),
  );
  run(prompts, ends, true);
  for (let i = 0; i < alone; i++) {
    const tokens = sequences.map((ids, row) => ({ row, place: ids.length - alone + i }));
    run(tokens, [...tokens.keys()], false);
  }
  session.close();
  return found;
}
