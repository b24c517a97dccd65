/** @file Tiny checkpoints of every kind of model, read and continued: each token is about as likely as the likeliest of a plain float64 model. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Group } from '../../../dist/group/group.js';
import generate from '../../../dist/workload/generate/program.js';
import { readModelConfig } from '../../../dist/workload/models/hugging-face.js';
import type { ProgramData } from '../../collective/support/engines.ts';
import type { Report } from '../../collective/support/session.ts';
import { CONFIGS, files, randomTensors } from '../../workload/models/support/checkpoint.ts';
import { forward } from '../../workload/models/support/forward.ts';
import { FILES, START } from '../../workload/support/tokenizer.ts';

const PROMPT = [START, 259, 260, 111, 3, 4, 5];
const TOKENS = 12;
/** Of the largest logit: what bf16 may lead to, as in logits.test.ts. */
const WITHIN = 0.03;

export default function text(group: Group, _args: string[], { engine }: ProgramData): Report {
  const problems: string[] = [];
  let cases = 0;
  for (const [name, given] of Object.entries(CONFIGS)) {
    const config = { ...given, vocab_size: START + 2 + ((-START - 2) & 7) };
    const tensors = randomTensors(config);
    const folder = group.broadcast(group.rank === 0 ? mkdtempSync(join(tmpdir(), 'crossover-')) : '');
    try {
      if (group.rank === 0)
        for (const [file, content] of Object.entries({ ...files(config, tensors), ...FILES }))
          writeFileSync(join(folder, file), content);
      group.barrier();
      const places = PROMPT.length + TOKENS;
      const outcome = generate(group, [], {
        session: {
          config: readModelConfig(folder),
          checkpoint: folder,
          engine,
          capacity: { sequences: 1, places, pageSize: 4, tokens: 3, samples: 1 },
          choices: 1,
          tunedTokens: 0,
        },
        prompt: PROMPT,
        tokens: TOKENS,
        temperature: 0,
        seed: 0,
        stream: false,
        progress: false,
      });
      group.barrier();
      const ids = [...PROMPT];
      for (const [i, token] of (outcome?.tokens ?? []).entries()) {
        const logits = forward(config, tensors, ids).at(-1)!;
        const most = Math.max(...logits);
        const scale = Math.max(...logits.map(Math.abs));
        cases++;
        if (!(logits[token]! >= most - 2 * WITHIN * scale))
          problems.push(
            `${name}: token ${i} is ${token} with ${logits[token]}, and the largest logit is ${most}`,
          );
        ids.push(token);
      }
    } finally {
      if (group.rank === 0) rmSync(folder, { recursive: true });
    }
  }
  return { cases, problems };
}
