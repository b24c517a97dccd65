/** @file Steps of the published models as launches, without a GPU: on every kind of GPU, for every world size and batch, they are such as GPUs take. */
import { describe, expect, it } from 'vitest';
import { withLayers } from '../../dist/workload/models/config.js';
import { PRESETS } from '../../dist/workload/models/presets.js';
import { acceptedWorldSizes } from '../../dist/workload/models/split.js';
import { HeldModel } from '../../dist/workload/session/model.js';
import { modelGraph } from '../../dist/workload/session/open.js';
import { DryRun, GPUS } from './support/dry-run.ts';

const WAYS = [
  { attention: 'tensor', experts: 'tensor', precision: 'bf16' },
  { attention: 'tensor', experts: 'expert', precision: 'f8e4m3' },
  { attention: 'data', experts: 'expert', precision: 'bf16' },
] as const;
const DECODED = [1, 2, 8, 17, 32, 64, 96, 128, 129];
const PROMPTS = [1, 64, 300, 2048, 8192];
/** Heads of the others are of sizes that are compiled for tests alone. */
const PUBLISHED = PRESETS.filter(({ name }) => !name.startsWith('tiny'));
const MOST = Math.max(...DECODED);
const LONGEST = Math.max(...PROMPTS);

describe.each(PUBLISHED.map((config) => [config.name, config] as const))('%s', (_, config) => {
  // Layers are alike, but for the first of some.
  const short = withLayers(config, Math.min(config.layers, (config.moe?.denseLayers ?? 0) + 1));

  it.each(WAYS)('$attention, $experts, $precision', (way) => {
    const capacity = { sequences: MOST + 1, places: 8192, pageSize: 64, tokens: LONGEST, samples: MOST };
    const request = { config: short, ...way, capacity, engine: 'cuda', tunedTokens: 0, choices: 50 } as const;
    const sizes = acceptedWorldSizes(short, way).filter((ranks) => ranks <= 8);
    for (const worldSize of way.attention === 'data' ? sizes.filter((ranks) => ranks > 1) : sizes) {
      const rank = worldSize - 1;
      const { graph, weights } = modelGraph(request, worldSize, rank);
      const dry = new DryRun();
      const model = new HeldModel(dry.communicator(worldSize, rank), graph, capacity, weights, () => {});
      const all = (tokens: number) => ({ gathered: tokens * worldSize, alone: true });
      for (const gpu of GPUS) {
        dry.become(gpu);
        const before = dry.launches;
        for (const tokens of DECODED) model.step({ tokens, samples: tokens, ...all(tokens) }).enqueue();
        const decoding = dry.launches - before;
        for (const tokens of PROMPTS)
          model.step({ tokens, samples: 1, prompt: true, ...all(tokens) }).enqueue();
        expect([...dry.problems], `${worldSize} ranks`).toEqual([]);
        expect(decoding).toBeGreaterThan(DECODED.length * 8);
        expect(dry.launches - before).toBeGreaterThan(decoding);
      }
    }
  });
});

it('experts that are whole take the kernels of those that are split: a rank has fewer, and as many pairs fewer', () => {
  const [config] = PUBLISHED.filter(({ name }) => name === 'qwen3-30b-a3b').map((one) => withLayers(one, 1));
  const capacity = { sequences: MOST, places: 2048, pageSize: 64, tokens: MOST, samples: MOST };
  const kernels = (experts: 'tensor' | 'expert', tokens: number): string[] => {
    const request = { config: config!, experts, capacity, engine: 'cuda', tunedTokens: 0 } as const;
    const { graph, weights } = modelGraph(request, 4, 0);
    const dry = new DryRun();
    dry.become(GPUS.find(({ name }) => name === 'H200')!);
    const model = new HeldModel(dry.communicator(4, 0), graph, capacity, weights, () => {});
    model.step({ tokens, samples: tokens, alone: true }).enqueue();
    return [...dry.kernels].filter((name) => name.startsWith('expert_')).sort();
  };
  for (const tokens of DECODED) expect(kernels('expert', tokens)).toEqual(kernels('tensor', tokens));
  // 64 pairs for 128 experts.
  expect(kernels('expert', 8)).toEqual(['expert_skinny_8x32']);
  expect(kernels('expert', 16)).toEqual(['expert_tiles_32']);
});
