/**
 * @file Text to tokens and back, by the tokenizer that comes with a checkpoint: tokenizer.json and tokenizer_config.json, read by Hugging Face's own library.
 */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import { CrossoverError } from '../../errors.ts';

/** What of the library is used; its own declarations do not resolve under Node's rules. */
interface Library {
  encode(text: string, options: { add_special_tokens: boolean }): { ids: number[] };
  decode(
    ids: number[],
    options: { skip_special_tokens: boolean; clean_up_tokenization_spaces: boolean },
  ): string;
  token_to_id(token: string): number | undefined;
}

/** What decoding gives for bytes that are no whole character. */
const INCOMPLETE = '\ufffd';
/** Tokens without text after which waiting for the rest of a character is given up: one has four bytes at most. */
const MOST_HELD = 8;

export class TextTokenizer {
  readonly #library: Library;
  readonly #file: string;
  /** Tokens that end a text: the tokenizer's, and those of generation_config.json, of which chat models have several, or of config.json where there is none. */
  readonly ends: ReadonlySet<number>;

  /** @throws CrossoverError that names the file that is missing or damaged */
  constructor(folder: string) {
    const file = path.join(folder, 'tokenizer.json');
    const settings = path.join(folder, 'tokenizer_config.json');
    if (!existsSync(file))
      throw new CrossoverError(
        `${folder} has no tokenizer.json; give token ids, or a folder whose tokenizer is in that form`,
      );
    const config = existsSync(settings) ? readJson(settings) : {};
    this.#file = file;
    this.#library = this.#use(() => new Tokenizer(readJson(file), config) as unknown as Library);
    const { eos_token: end } = config;
    const text = typeof end === 'object' && end !== null && 'content' in end ? end.content : end;
    const own = typeof text === 'string' ? this.#library.token_to_id(text) : undefined;
    this.ends = new Set([...(own === undefined ? [] : [own]), ...endsOf(folder)]);
  }

  /** With the tokens that the model expects around a text, unless `special` is false. */
  encode(text: string, special = true): number[] {
    return this.#use(() => [...this.#library.encode(text, { add_special_tokens: special }).ids]);
  }

  /** Without special tokens; numbers that are no token of the text's, as the rows that fill a table up, give nothing. */
  decode(ids: readonly number[]): string {
    if (ids.length === 0) return '';
    return this.#use(() =>
      this.#library.decode([...ids], { skip_special_tokens: true, clean_up_tokenization_spaces: false }),
    );
  }

  /** What the library makes of a damaged file may be any error. */
  #use<T>(action: () => T): T {
    try {
      return action();
    } catch (cause) {
      if (cause instanceof CrossoverError) throw cause;
      throw new CrossoverError(`${this.#file} cannot be used: ${(cause as Error).message}`, { cause });
    }
  }

  /** For text that comes token by token. */
  stream(): TextStream {
    return new TextStream(this);
  }
}

/** Pieces of a text: a token's text may depend on the one before, and a character may be of several tokens. */
export class TextStream {
  readonly #tokenizer: TextTokenizer;
  /** Tokens from those on that were given out last. */
  #ids: number[] = [];
  /** How many of them have been given out. */
  #given = 0;

  constructor(tokenizer: TextTokenizer) {
    this.#tokenizer = tokenizer;
  }

  /** The text that one more token adds; empty while a character is not complete. */
  push(id: number): string {
    this.#ids.push(id);
    const text = this.#text();
    const isHeld = text.endsWith(INCOMPLETE) && this.#ids.length - this.#given < MOST_HELD;
    if (isHeld || text === '') return '';
    this.#ids = this.#ids.slice(this.#given);
    this.#given = this.#ids.length;
    return text;
  }

  /** What was held back, at the end. */
  finish(): string {
    const text = this.#text();
    this.#ids = [];
    this.#given = 0;
    return text;
  }

  /** Of the tokens that were not given out yet. */
  #text(): string {
    const before = this.#tokenizer.decode(this.#ids.slice(0, this.#given));
    return this.#tokenizer.decode(this.#ids).slice(before.length);
  }
}

/** What the model's files say of tokens that end a text. */
function endsOf(folder: string): number[] {
  const files = ['generation_config.json', 'config.json'].map((name) => path.join(folder, name));
  const file = files.find((one) => existsSync(one));
  if (file === undefined) return [];
  const { eos_token_id: ids } = readJson(file);
  return [ids].flat().filter((id): id is number => Number.isInteger(id));
}

function readJson(file: string): Record<string, unknown> {
  try {
    const json: unknown = JSON.parse(readFileSync(file, 'utf8'));
    if (typeof json === 'object' && json !== null) return json as Record<string, unknown>;
  } catch (cause) {
    throw new CrossoverError(`${file} cannot be read: ${(cause as Error).message}`, { cause });
  }
  throw new CrossoverError(`${file} is no JSON object`);
}
