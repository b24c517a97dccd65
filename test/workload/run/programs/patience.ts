/**
 * @file Times decode steps whose sample takes so many seconds, on the CPU engine.
 */
import type { Group } from '../../../../dist/group/group.js';
import { timeDecode } from '../../../../dist/workload/decode/measure.js';
import { presetNamed } from '../../../../dist/workload/models/presets.js';
import { openSession } from '../../../../dist/workload/session/open.js';

/** Steps that tell how long one takes. */
const FIRST = 50;

/** Returns the seconds that the longer sample took. */
export default function main(group: Group, _args: string[], seconds: number): number {
  const capacity = { sequences: 1, places: 16, pageSize: 16, tokens: 1, samples: 1 };
  const config = { ...presetNamed('tiny'), layers: 1 };
  const session = openSession(group, { config, capacity, engine: 'cpu', tunedTokens: 0 });
  const { comm } = session.model;
  const step = session.model.step({ tokens: 1, samples: 1 });
  step.enqueue();
  const contender = { recording: comm.capture(() => step.enqueue()), reset: () => {} };
  const sample = (steps: number): number => {
    const start = performance.now();
    timeDecode(
      comm,
      [contender],
      { steps, rounds: 0 },
      () => {},
      () => {},
    );
    return (performance.now() - start) / 1000;
  };
  // The first time is slower.
  sample(FIRST);
  const each = group.broadcast(sample(FIRST) / FIRST);
  const took = sample(Math.ceil(seconds / each));
  session.close();
  return took;
}
