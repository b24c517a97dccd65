/**
 * @file A step of a model that has run, and then without numbers for one of its samples: on all ranks, and on all but the last.
 */
import type { EngineName } from '../../../../dist/collective/engines.js';
import type { Value } from '../../../../dist/graph/ir/graph.js';
import type { Group } from '../../../../dist/group/group.js';
import { presetNamed } from '../../../../dist/workload/models/presets.js';
import { openSession } from '../../../../dist/workload/session/open.js';

export interface NumbersRequest {
  readonly engine: EngineName;
  readonly choices: number;
}

/** What was said: of the step as it is, without a sample on all ranks, and without it on some; and of steps that are too large. */
export type Said = Record<'whole' | 'none' | 'some' | 'tokens' | 'samples', string>;

const SAMPLES = 4;
/** Neither the first nor the last. */
const BROKEN = 1;

export default function main(group: Group, _args: string[], { engine, choices }: NumbersRequest): Said {
  const config = presetNamed('tiny');
  const capacity = { sequences: SAMPLES, places: 16, pageSize: 16, tokens: 8, samples: SAMPLES };
  const session = openSession(group, { config, capacity, engine, choices, tunedTokens: 0 });
  const { model } = session;
  const { comm } = model;
  const each = Int32Array.from({ length: SAMPLES }, (_, i) => i);
  model.write({ tables: each.map((i) => 1 + i), rows: each, last: each, ids: each });
  const step = model.step({ tokens: SAMPLES, samples: SAMPLES, prompt: true });
  const candidates = model.graph.nodes.find(({ op }) => op === 'sample')!.operands.candidates as Value;
  const without = new Uint8Array(new Float32Array(2 * choices).fill(Number.NEGATIVE_INFINITY).buffer);
  const saidOf = (broken: number): string => {
    step.enqueue();
    for (let rank = 0; rank < broken; rank++)
      comm.engine.write(step.address(candidates) + (rank * SAMPLES + BROKEN) * choices * 8, without);
    return messageOf(() => model.checkNumbers(step));
  };
  const said = {
    whole: saidOf(0),
    none: saidOf(group.size),
    some: saidOf(group.size - 1),
    // Both would fit the memory that steps work in.
    tokens: messageOf(() => model.step({ tokens: 9, samples: 1 })),
    samples: messageOf(() => model.step({ tokens: 5, samples: 5 })),
  };
  session.close();
  return said;
}

function messageOf(body: () => unknown): string {
  try {
    body();
    return 'nothing';
  } catch (error) {
    return (error as Error).message;
  }
}
