/**
 * @file Checkpoints on engines: logits of prompts and of tokens one by one, against the same model computed plainly in float64 (the reference executor gives that, too:
 * test/workload/models/forward.test.ts).
 */
import { describe, expect, it } from 'vitest';
import { launch } from '../../../dist/group/launch.js';
import { describeEngines, servedBy } from '../../collective/support/engines.ts';
import { program } from '../../support/program.ts';
import { CONFIGS, files, randomTensors, type withFolder } from '../models/support/checkpoint.ts';
import { forward } from '../models/support/forward.ts';
import type { Logits } from './programs/logits.ts';

const SEQUENCES = [
  [3, 17, 39, 0, 21, 8, 5, 12, 30],
  [30, 2, 11, 38],
];
const ALONE = 2;
/** Of the largest logit: activations are rounded to bf16 some twenty times on the way. */
const TOLERANCE = 0.03;

describe.each(['llama', 'qwen3', 'qwen3_moe', 'deepseek_v2'] as const)('a tiny %s', (name) => {
  const config = CONFIGS[name];
  const tensors = randomTensors(config);
  const expected = SEQUENCES.map((ids) => forward(config, tensors, ids));

  describeEngines('has the logits of float64', (engine) => {
    it.each(
      servedBy(engine, [
        { ranks: 1, experts: 'tensor', pageSize: 16 },
        { ranks: 2, experts: 'tensor', pageSize: 4 },
        ...('num_experts' in config || 'n_routed_experts' in config
          ? [{ ranks: 2, experts: 'expert', pageSize: 1 }]
          : []),
      ]),
    )('on $ranks ranks, experts $experts, pages of $pageSize', async ({ ranks, experts, pageSize }) => {
      const folder = files(config, tensors);
      const [logits] = await withFolderAsync(folder, (path) =>
        launch<Logits>(program('./programs/logits.ts', import.meta.url), {
          ranks,
          data: { engine, folder: path, sequences: SEQUENCES, alone: ALONE, experts, pageSize },
        }),
      );
      expect(Object.keys(logits!)).toHaveLength(SEQUENCES.length * (ALONE + 1));
      for (const [at, values] of Object.entries(logits!)) {
        const [row, place] = at.split(' ').map(Number) as [number, number];
        const wanted = expected[row]![place]!;
        const largest = Math.max(...wanted.map(Math.abs));
        const errors = values.map((value, i) => Math.abs(value - wanted[i]!));
        expect(values).toHaveLength(wanted.length);
        expect(Math.max(...errors) / largest).toBeLessThan(TOLERANCE);
      }
    });
  });
});

/** withFolder, for what takes its time. */
async function withFolderAsync<T>(
  content: Parameters<typeof withFolder>[0],
  use: (folder: string) => Promise<T>,
): Promise<T> {
  const { mkdtemp, rm, writeFile } = await import('node:fs/promises');
  const { tmpdir } = await import('node:os');
  const { join } = await import('node:path');
  const folder = await mkdtemp(join(tmpdir(), 'crossover-logits-'));
  try {
    for (const [name, bytes] of Object.entries(content)) await writeFile(join(folder, name), bytes);
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}
