/**
 * @file How long prompts and outputs are: `sonnet`, `fixed:IN,OUT`, or `uniform:A-B,C-D`.
 *
 * `sonnet` has the lengths of the dataset of that name that serving engines are measured with: a prompt is a preface of about 200 tokens, the same for all, and
 * then lines of verse drawn at random, as many as give 550 tokens on average, drawn anew while they give more; outputs are of 150 tokens.
 */
import { CrossoverError } from '../../errors.ts';

export interface Length {
  readonly input: number;
  readonly output: number;
}

export interface Lengths {
  /** As it is written. */
  readonly name: string;
  /** The longest prompt and the longest output. */
  readonly most: Length;
  /** `random` gives uniform numbers from 0 to below 1. */
  draw(random: () => number): Length;
}

const FORMS = 'sonnet, fixed:IN,OUT as fixed:512,128, or uniform:A-B,C-D as uniform:100-900,50-150';
/** More tokens than any context has. */
const MOST = 1 << 24;

/** @throws CrossoverError for what is none of the forms; `field` names it in the message */
export function parseLengths(text: string, field = '--prompt'): Lengths {
  if (text === 'sonnet') return sonnet(1);
  const fixed = /^fixed:(\d+),(\d+)$/.exec(text);
  if (fixed) {
    const [input, output] = [Number(fixed[1]), Number(fixed[2])];
    return uniform(text, [input, input], [output, output], field);
  }
  const ranges = /^uniform:(\d+)-(\d+),(\d+)-(\d+)$/.exec(text);
  if (ranges) {
    const [a, b, c, d] = ranges.slice(1).map(Number) as [number, number, number, number];
    return uniform(text, [a, b], [c, d], field);
  }
  throw new CrossoverError(`${field} is "${text}"; use ${FORMS}`);
}

/**
 * Lengths that sequences of so many places have room for: `sonnet` is shortened as a whole where it has to be, prompts and outputs alike; lengths that
 * were given by number are not changed.
 * @throws CrossoverError when those are too long
 */
export function fitLengths(lengths: Lengths, places: number): Lengths {
  const { input, output } = lengths.most;
  if (placesOf(lengths.most) <= places) return lengths;
  if (lengths.name !== 'sonnet') {
    throw new CrossoverError(
      `prompts of ${input} tokens with outputs of ${output} need ${placesOf(lengths.most)} places, and a sequence has ${places}; use shorter ones in --prompt ${lengths.name}`,
    );
  }
  // A prompt and an output of one token each are the least there is, and need one place.
  return sonnet(places / (input + output));
}

/** Places in the cache: those of the prompt, and of each output token that is read again, which the last is not. */
export function placesOf({ input, output }: Length): number {
  return input + output - 1;
}

function uniform(
  name: string,
  inputs: readonly [number, number],
  outputs: readonly [number, number],
  field: string,
): Lengths {
  for (const [least, most] of [inputs, outputs]) {
    if (least < 1 || most < least || most > MOST) {
      throw new CrossoverError(
        `${field} is "${name}"; lengths are whole numbers from 1 to ${MOST}, the smaller one first`,
      );
    }
  }
  const between = ([least, most]: readonly [number, number], random: () => number): number =>
    least + Math.floor(random() * (most - least + 1));
  return {
    name,
    most: { input: inputs[1], output: outputs[1] },
    draw: (random) => ({ input: between(inputs, random), output: between(outputs, random) }),
  };
}

const SONNET = { most: 550, preface: 205, lines: 30, shortest: 9, longest: 14, output: 150 };

/** Half of the draws are above 550, so that in the mean prompts are of 543 tokens, give or take 6. */
function sonnet(scale: number): Lengths {
  const scaled = (tokens: number): number => Math.max(1, Math.floor(tokens * scale));
  const prompt = (random: () => number): number => {
    for (;;) {
      let tokens = SONNET.preface;
      for (let line = 0; line < SONNET.lines; line++) {
        tokens += SONNET.shortest + Math.floor(random() * (SONNET.longest - SONNET.shortest + 1));
      }
      if (tokens <= SONNET.most) return tokens;
    }
  };
  return {
    name: 'sonnet',
    most: { input: scaled(SONNET.most), output: scaled(SONNET.output) },
    draw: (random) => ({ input: scaled(prompt(random)), output: scaled(SONNET.output) }),
  };
}
