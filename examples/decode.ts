/**
 * @file A model on all ranks, from TypeScript: reads a prompt in one step, then records a step of one token and replays it. The model is a tiny one with random weights;
 * `modelPreset` has others, `readModelConfig` and `checkpoint` take a folder of Hugging Face.
 *
 *   $ crossover run examples/decode.ts --ranks 2
 */
import { type Group, modelPreset, openSession } from 'crossover';

const PROMPT = [3, 141, 59, 26, 535, 89];
const TOKENS = 10;
const PAGE = 16;

export default function main(group: Group): void {
  const config = modelPreset('tiny');
  const { model, close } = openSession(group, {
    config,
    engine: 'cpu',
    capacity: {
      sequences: 1,
      places: PROMPT.length + TOKENS,
      pageSize: PAGE,
      tokens: PROMPT.length,
      samples: 1,
    },
    tunedTokens: 0,
  });
  // The cache's pages of the one sequence: page 0 belongs to nobody.
  model.write({ tables: Int32Array.of(1) });

  const prompt = model.step({ tokens: PROMPT.length, samples: 1, prompt: true });
  model.write({
    ids: Int32Array.from(PROMPT),
    positions: Int32Array.from(PROMPT.keys()),
    last: Int32Array.of(PROMPT.length - 1),
  });
  prompt.enqueue();
  const tokens = [...model.readInts(prompt.address(model.sampled), 1)];

  const step = model.step({ tokens: 1, samples: 1 });
  const next = (): void => {
    const position = PROMPT.length + tokens.length - 1;
    model.write({
      ids: Int32Array.of(tokens.at(-1)!),
      positions: Int32Array.of(position),
      last: Int32Array.of(0),
    });
  };
  // What is recorded runs once before: then everything is compiled.
  next();
  step.enqueue();
  const recording = model.comm.capture(() => step.enqueue());
  while (tokens.length < TOKENS) {
    next();
    recording.replay();
    tokens.push(...model.readInts(step.address(model.sampled), 1));
  }
  if (group.rank === 0) console.log(`${config.name} on ${group.size} ranks goes on with ${tokens.join(' ')}`);
  close();
}
