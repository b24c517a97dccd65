/**
 * @file Lines of a file or of standard input, handed over as they arrive: nothing of the file is kept.
 */
import { createReadStream } from 'node:fs';
import { CrossoverError } from '../../errors.ts';

/** Longest line that is read, characters. JSON of many measurements on one line is that long; no text is. */
export const LONGEST_LINE: number = 64 * 1024 * 1024;

/** What terminals and launchers put around lines: colours, `[1,0]<stdout>:` of mpirun, `0: ` of srun -l. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: colours begin with one
const COLOUR = /\x1b\[[0-9;]*[A-Za-z]/g;
const MPIRUN = /^\[[\w.-]+,[\w.-]+\]<std(?:out|err)>:\s?/;
const SRUN = /^ *\d{1,5}: (?=#| +\d)/;

/**
 * Calls `each` with every line, without its end, and with its number from 1.
 * @param path a file, or `-` for standard input
 * @throws CrossoverError when the file cannot be read, or a line is longer than LONGEST_LINE
 */
export async function readLines(path: string, each: (text: string, number: number) => void): Promise<void> {
  const stream = path === '-' ? process.stdin : createReadStream(path, { highWaterMark: 1 << 18 });
  const decoder = new TextDecoder();
  /** The beginning of a line whose end has not come; joined once, as long lines come in hundreds of pieces. */
  let rest: string[] = [];
  let length = 0;
  let number = 0;
  const take = (text: string): void => {
    number++;
    each(bare(text), number);
  };
  try {
    for await (const chunk of stream as AsyncIterable<Uint8Array>) {
      const text = decoder.decode(chunk, { stream: true });
      let from = 0;
      for (let to = text.indexOf('\n'); to >= 0; to = text.indexOf('\n', from)) {
        take((length === 0 ? '' : rest.join('')) + text.slice(from, to));
        rest = [];
        length = 0;
        from = to + 1;
      }
      rest.push(text.slice(from));
      length += text.length - from;
      if (length > LONGEST_LINE) {
        throw new CrossoverError(`${path} line ${number + 1}: longer than ${LONGEST_LINE} characters`);
      }
    }
  } catch (error) {
    if (error instanceof CrossoverError) throw error;
    const message = error instanceof Error ? error.message : String(error);
    throw new CrossoverError(`cannot read ${path}: ${message.split(', ', 1)[0]}`, { cause: error });
  }
  const last = rest.join('') + decoder.decode();
  if (last !== '') take(last);
}

/** A line without its end and without what others put around it. */
export function bare(text: string): string {
  const line = text.endsWith('\r') ? text.slice(0, -1) : text;
  if (line.length > 1 << 16) return line;
  const plain = line.includes('\x1b') ? line.replace(COLOUR, '') : line;
  if (plain.startsWith('[')) return plain.replace(MPIRUN, '');
  return SRUN.test(plain) ? plain.replace(SRUN, '') : plain;
}
