/**
 * @file The tokenizer of a checkpoint: a small one of the kind that Llama and Qwen have (byte pairs), written by the test.
 */
import { describe, expect, it } from 'vitest';
import { TextTokenizer } from '../../dist/workload/text/tokenizer.js';
import { withFolder } from './models/support/checkpoint.ts';
import { FILES, START, TOKENIZER } from './support/tokenizer.ts';

const load = (files: Record<string, string>): TextTokenizer =>
  withFolder(files, (folder) => new TextTokenizer(folder));
const tokenizer = load(FILES);
const byte = (text: string): number => text.charCodeAt(0);

describe('a tokenizer', () => {
  it('merges pairs, and begins a text as the model expects it', () => {
    const hello = 256 + 3;
    const space = 256 + 4;
    const text = [hello, space, byte('o'), byte('r'), byte('l'), byte('d')];
    expect(tokenizer.encode('hello world')).toEqual([START, ...text]);
    expect(tokenizer.encode('hello world', false)).toEqual(text);
    expect(tokenizer.encode('', false)).toEqual([]);
    expect(tokenizer.decode([START, ...text, START + 1])).toBe('hello world');
    expect([...tokenizer.ends]).toEqual([START + 1]);
    expect(tokenizer.decode([])).toBe('');
    expect(tokenizer.decode([hello, 5000])).toBe('hello');
  });

  it.each(['hello, world!', 'a  b\n\tc', '日本語 — naïve 🦙🦙', "it's 2026", ' lead and trail '])(
    'gives %j back, whole and token by token',
    (text) => {
      const ids = tokenizer.encode(text);
      expect(tokenizer.decode(ids)).toBe(text);
      const stream = tokenizer.stream();
      const pieces = ids.map((id) => stream.push(id));
      expect(pieces.join('') + stream.finish()).toBe(text);
      expect(pieces.join('')).not.toContain('\ufffd');
    },
  );

  it('gives up on bytes that are no character', () => {
    const stream = tokenizer.stream();
    const bad = Array.from({ length: 12 }, () => stream.push(0xa7)).join('') + stream.finish();
    expect(bad).toBe('\ufffd'.repeat(12));
  });

  it('needs no settings', () => {
    const alone = load({ 'tokenizer.json': FILES['tokenizer.json'] });
    expect(alone.encode('hello')).toEqual([START, 256 + 3]);
    expect([...alone.ends]).toEqual([]);
    const several = {
      'tokenizer.json': FILES['tokenizer.json'],
      'generation_config.json': '{"eos_token_id":[7,9]}',
    };
    expect([...load(several).ends]).toEqual([7, 9]);
    // The model's own file counts where there is no other.
    const model = { 'config.json': '{"eos_token_id":8}' };
    expect([...load({ 'tokenizer.json': FILES['tokenizer.json'], ...model }).ends]).toEqual([8]);
    expect([...load({ ...several, ...model }).ends]).toEqual([7, 9]);
  });
});

describe('refusals', () => {
  const problem = (files: Record<string, string>): string =>
    withFolder(files, (folder) => {
      try {
        new TextTokenizer(folder).encode('hello');
        return '';
      } catch (error) {
        return `${(error as Error).name}: ${(error as Error).message.replaceAll(folder, 'F')}`;
      }
    });

  it('name the folder or the file', () => {
    expect(problem({})).toBe(
      'CrossoverError: F has no tokenizer.json; give token ids, or a folder whose tokenizer is in that form',
    );
    expect(problem({ 'tokenizer.json': '{' })).toMatch(/^CrossoverError: F\/tokenizer.json cannot be read: /);
    expect(problem({ 'tokenizer.json': '3' })).toBe('CrossoverError: F/tokenizer.json is no JSON object');
    const { single: _, ...half } = TOKENIZER.post_processor;
    const partial = { ...TOKENIZER, post_processor: half };
    expect(problem({ 'tokenizer.json': JSON.stringify(partial) })).toMatch(
      /^CrossoverError: F\/tokenizer.json cannot be used: /,
    );
    const unknown = { ...TOKENIZER, model: { type: 'Other' } };
    expect(problem({ 'tokenizer.json': JSON.stringify(unknown) })).toMatch(
      /^CrossoverError: F\/tokenizer.json cannot be used: /,
    );
  });
});
