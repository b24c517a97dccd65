/** @file `crossover generate` and the refusals of commands that run a model, as users run them. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { CONFIGS, files, type HfTensors, randomTensors } from '../workload/models/support/checkpoint.ts';
import { forward } from '../workload/models/support/forward.ts';
import { FILES, START } from '../workload/support/tokenizer.ts';
import { ask, crossover, folder } from './crossover.ts';

const CONFIG = { ...CONFIGS.qwen3, vocab_size: START + 3 };
const PROMPT = 'hello wo';
/** `<s>`, hello, Ġw, o. */
const IDS = [START, 259, 260, 111];
const TOKENS = 5;

let tensors: HfTensors;
beforeAll(() => {
  tensors = randomTensors(CONFIG);
});

function checkpoint(content: Readonly<Record<string, string | Uint8Array>>): string {
  const path = folder();
  for (const [name, bytes] of Object.entries(content)) writeFileSync(join(path, name), bytes);
  return path;
}

/** The likeliest tokens by float64, without a cache. */
function greedy(): number[] {
  const ids = [...IDS];
  for (let i = 0; i < TOKENS; i++) {
    const logits = forward(CONFIG, tensors, ids).at(-1)!;
    ids.push(logits.indexOf(Math.max(...logits)));
  }
  return ids.slice(IDS.length);
}

describe('crossover generate', () => {
  it('goes on from a text as the model does in float64, on 2 ranks', async () => {
    const path = checkpoint({ ...files(CONFIG, tensors), ...FILES });
    const options = [
      '--model',
      path,
      '--device',
      'cpu',
      '--ranks',
      '2',
      '--tokens',
      String(TOKENS),
      '--json',
    ];
    const { code, out, error } = await crossover(['generate', ...options, PROMPT]);
    expect(error).toBe('');
    expect(code).toBe(0);
    expect(JSON.parse(out).tokens).toEqual(greedy());
  });

  it('draws from the likeliest, and the same for the same seed; text comes without --json', async () => {
    const path = checkpoint({ ...files(CONFIG, tensors), ...FILES });
    const options = [
      '--model',
      path,
      '--device',
      'cpu',
      '--ranks',
      '1',
      '--tokens',
      '8',
      '--temperature',
      '1.5',
    ];
    const run = (...more: string[]) => crossover(['generate', ...options, ...more, PROMPT]);
    const [first, again, text] = await Promise.all([run('--json'), run('--json'), run()]);
    expect(JSON.parse(again!.out).tokens).toEqual(JSON.parse(first!.out).tokens);
    expect(text!.out).toBe(`${JSON.parse(first!.out).text}\n`);
    expect(text!.error).toContain('4 tokens read');
  });

  it('refuses what has no text', async () => {
    const { code, error } = await ask(['generate', '--device', 'cpu', 'hello']);
    expect(code).toBe(2);
    expect(error).toContain('--model is "tiny", whose weights are random; use a folder with a checkpoint');
    const path = checkpoint(files(CONFIG, tensors));
    const without = await ask(['generate', '--model', path, '--device', 'cpu', 'hello']);
    expect(without.error).toContain('has no tokenizer.json');
  });
});

describe('a model that does not fit', () => {
  it('says what it needs, what there is and what would fit, before anything is allocated', async () => {
    const { code, out, error } = await crossover([
      ...['decode', '--model', 'llama-3.1-70b', '--device', 'cpu', '--ranks', '2', '--batch', '1'],
    ]);
    expect(out).toBe('');
    expect(code).toBe(1);
    expect(error).toMatch(
      /^error: llama-3.1-70b needs 6\d\.\d+ GiB on each of 2 ranks \(weights .*, caches .*, working memory .*\), and there are .*; use /,
    );
  });

  it('refuses world sizes and layers by name', async () => {
    const ranks = await ask(['decode', '--model', 'tiny', '--device', 'cpu', '--ranks', '3']);
    expect(ranks.code).toBe(2);
    expect(ranks.error).toContain('worldSize is 3, and tiny has 8 heads; use 1, 2, 4, 8');
    const layers = await ask(['serve-bench', '--model', 'tiny', '--device', 'cpu', '--layers', '9']);
    expect(layers.code).toBe(2);
    expect(layers.error).toContain('--layers is "9"; use a whole number from 1 to 4');
    const variants = await ask(['decode', '--device', 'cpu', '--ranks', '2', '--variants', 'fused-cap']);
    expect(variants.error).toContain('--variants has fused-cap, which needs --fusion-cap-mb');
  });
});
