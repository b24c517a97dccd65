/**
 * @file The tokenizer of a checkpoint: a small one of the kind that Llama and Qwen have (byte pairs), written by the test.
 */
import { describe, expect, it } from 'vitest';
import { TextTokenizer } from '../../dist/workload/text/tokenizer.js';
import { withFolder } from './models/support/checkpoint.ts';

/** How byte-level tokenizers write bytes as characters: those that can be seen stand for themselves. */
function byteCharacters(): string[] {
  const isSeen = (byte: number): boolean =>
    (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || (byte >= 174 && byte <= 255);
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(isSeen(byte) ? byte : next++));
}

const BYTES = byteCharacters();
const MERGES = ['h e', 'l l', 'he ll', 'hell o', 'Ġ w'];
const START = 256 + MERGES.length;

const TOKENIZER = {
  version: '1.0',
  added_tokens: ['<s>', '</s>'].map((content, i) => ({
    id: START + i,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  })),
  normalizer: null,
  pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
  post_processor: {
    type: 'TemplateProcessing',
    single: [{ SpecialToken: { id: '<s>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
    pair: [],
    special_tokens: { '<s>': { id: '<s>', ids: [START], tokens: ['<s>'] } },
  },
  decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
  model: {
    type: 'BPE',
    dropout: null,
    unk_token: null,
    vocab: Object.fromEntries(
      [...BYTES, ...MERGES.map((merge) => merge.replace(' ', ''))].map((token, id) => [token, id]),
    ),
    merges: MERGES,
  },
};

const FILES = {
  'tokenizer.json': JSON.stringify(TOKENIZER),
  'tokenizer_config.json': JSON.stringify({
    eos_token: { content: '</s>' },
    tokenizer_class: 'PreTrainedTokenizerFast',
  }),
};

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
    expect(tokenizer.end).toBe(START + 1);
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
    expect(alone.end).toBeUndefined();
  });
});

describe('refusals', () => {
  const problem = (files: Record<string, string>): string =>
    withFolder(files, (folder) => {
      try {
        new TextTokenizer(folder);
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
    const unknown = { ...TOKENIZER, model: { type: 'Other' } };
    expect(problem({ 'tokenizer.json': JSON.stringify(unknown) })).toMatch(
      /^CrossoverError: F\/tokenizer.json cannot be used: /,
    );
  });
});
