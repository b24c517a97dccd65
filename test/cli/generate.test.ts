/** @file `crossover generate` and the refusals of commands that run a model, as users run them. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { CONFIGS, files, type HfTensors, randomTensors } from '../workload/models/support/checkpoint.ts';
import { forward } from '../workload/models/support/forward.ts';
import { FILES, START } from '../workload/support/tokenizer.ts';
import { ask, crossover, folder, start } from './crossover.ts';

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
      '--tokens',
      '8',
      '--temperature',
      '1.5',
      '--top-k',
      '7',
    ];
    const run = (ranks: string, ...more: string[]) =>
      crossover(['generate', ...options, '--ranks', ranks, ...more, PROMPT]);
    const [first, again, text] = await Promise.all([run('1', '--json'), run('1', '--json'), run('1')]);
    expect(JSON.parse(again!.out).tokens).toEqual(JSON.parse(first!.out).tokens);
    expect(text!.out).toBe(`${JSON.parse(first!.out).text}\n`);
    expect(text!.error).toContain('4 tokens read');
    // Candidates of all ranks are drawn from alike, until sums that round otherwise lead elsewhere.
    const split = await run('2', '--json');
    expect(JSON.parse(split.out).tokens.slice(0, 4)).toEqual(JSON.parse(first!.out).tokens.slice(0, 4));
    const other = await run('2', '--json', '--seed', '1');
    expect(JSON.parse(other.out).tokens).not.toEqual(JSON.parse(first!.out).tokens);
  });

  it('ends where nobody reads on; what is drawn has no say where nothing is drawn', async () => {
    const path = checkpoint({ ...files(CONFIG, tensors), ...FILES });
    const options = ['--model', path, '--device', 'cpu', '--ranks', '1', '--tokens', '40'];
    for (const [option, value] of Object.entries({ '--top-k': '4', '--seed': '1' })) {
      const { code, error } = await ask(['generate', ...options, option, value, PROMPT]);
      expect([code, error]).toEqual([
        2,
        `error: ${option} is "${value}", and --temperature 0 takes the likeliest token; leave it out\n`,
      ]);
    }
    const { child, ended } = start(['generate', ...options, PROMPT]);
    child.stdout!.destroy();
    const { code, error } = await ended;
    expect(code).toBe(0);
    expect(error).toMatch(/^4 tokens read .*\n$/);
  });

  it('refuses a model whose outputs are no numbers', async () => {
    const norm = 'model.norm.weight';
    const { values, ...rest } = tensors.get(norm)!;
    const damaged = new Map(tensors).set(norm, { ...rest, values: values.map(() => Number.NaN) });
    const path = checkpoint({ ...files(CONFIG, damaged), ...FILES });
    const common = ['--model', path, '--device', 'cpu', '--ranks', '1'];
    const runs = [
      ['generate', ...common, PROMPT],
      ['decode', ...common, '--batch', '1', '--steps', '2', '--prompt-tokens', '4'],
      ['serve-bench', ...common, '--qps', '5', '--duration', '0.2', '--prompt', 'fixed:4,2'],
    ];
    for (const args of runs) {
      const { code, out, error } = await crossover(args);
      expect({ code, out }).toEqual({ code: 1, out: '' });
      expect(error).toMatch(
        /^error: rank 0 threw: .*: the model's outputs are no numbers \(NaN\); [^\n]*\n$/,
      );
    }
  });

  it('refuses a tokenizer of another model', async () => {
    const path = checkpoint({ ...files({ ...CONFIG, vocab_size: 256 }, tensors), ...FILES });
    const { code, error } = await ask(['generate', '--model', path, '--device', 'cpu', PROMPT]);
    expect(code).toBe(1);
    expect(error).toMatch(
      /tokenizer.json gives token \d+ for the prompt, and by config.json vocab_size is 256/,
    );
  });

  it('refuses what has no text', async () => {
    const { code, error } = await ask(['generate', '--model', 'tiny', '--device', 'cpu', 'hello']);
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
      /^error: llama-3.1-70b needs 6\d\.\d+ GiB on each of 2 ranks \(weights .*, caches .*, working memory .*\), and there are .*; not even the weights of one layer fit\n$/,
    );
  });

  it('refuses world sizes and layers by name', async () => {
    const ranks = await ask(['decode', '--model', 'tiny', '--device', 'cpu', '--ranks', '3']);
    expect(ranks.code).toBe(2);
    expect(ranks.error).toContain('--ranks is 3, and tiny has 8 heads; use 1, 2, 4, 8');
    const layers = await ask(['serve-bench', '--model', 'tiny', '--device', 'cpu', '--layers', '9']);
    expect(layers.code).toBe(2);
    expect(layers.error).toContain('--layers is "9"; use a whole number from 1 to 4');
    const cap = await ask(['decode', '--device', 'cpu', '--fusion-cap-mb', '1e308']);
    expect(cap.error).toContain('--fusion-cap-mb is "1e308"');
    const nobody = await ask(['decode', '--device', 'cpu', '--ranks', '1', '--variants', 'nccl']);
    expect(nobody.code).toBe(2);
    expect(nobody.error).toContain(
      '--variants is "nccl", of which none can run here (nccl: one rank has no collectives to dispatch); use plan',
    );
    const variants = await ask(['decode', '--device', 'cpu', '--ranks', '2', '--variants', 'fused-cap']);
    expect(variants.error).toContain('--variants has fused-cap, which needs --fusion-cap-mb');
  });
});
