/** @file A small tokenizer of the kind that Llama and Qwen have (byte pairs), as checkpoints come with. */

/** How byte-level tokenizers write bytes as characters: those that can be seen stand for themselves. */
function byteCharacters(): string[] {
  const isSeen = (byte: number): boolean =>
    (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || (byte >= 174 && byte <= 255);
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(isSeen(byte) ? byte : next++));
}

export const BYTES = byteCharacters();
export const MERGES = ['h e', 'l l', 'he ll', 'hell o', 'Ġ w'];
export const START = 256 + MERGES.length;

export const TOKENIZER = {
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

export const FILES = {
  'tokenizer.json': JSON.stringify(TOKENIZER),
  'tokenizer_config.json': JSON.stringify({
    eos_token: { content: '</s>' },
    tokenizer_class: 'PreTrainedTokenizerFast',
  }),
};
