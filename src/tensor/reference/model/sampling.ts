/**
 * @file The largest of each row, one of them drawn, and what is moved on from one decode step to the next.
 */

interface Candidate {
  readonly value: number;
  /** -1 where there is none. */
  readonly number: number;
}

/** Largest first; NaN is less than all, and the lower number is first among equals. */
function byValue(a: Candidate, b: Candidate): number {
  const [isA, isB] = [Number.isNaN(a.value), Number.isNaN(b.value)];
  if (isA || isB) return Number(isA) - Number(isB) || a.number - b.number;
  if (a.value !== b.value) return a.value > b.value ? -1 : 1;
  return a.number - b.number;
}

/**
 * @param x [tokens, vocabulary]
 * @param start number of the first column
 * @returns [tokens, choices, 2]: values and their numbers; -Infinity and -1 where there are fewer
 */
export function topK(x: Float64Array, vocabulary: number, choices: number, start: number): Float64Array {
  const tokens = x.length / vocabulary;
  const out = new Float64Array(tokens * choices * 2);
  for (let t = 0; t < tokens; t++) {
    const row = Array.from(
      { length: vocabulary },
      (_, i): Candidate => ({
        value: x[t * vocabulary + i]!,
        number: start + i,
      }),
    );
    row.sort(byValue);
    for (let j = 0; j < choices; j++) {
      const { value, number } = row[j] ?? { value: Number.NEGATIVE_INFINITY, number: -1 };
      out[2 * (t * choices + j)] = value;
      out[2 * (t * choices + j) + 1] = number;
    }
  }
  return out;
}

/** How likely each of a token's candidates is; largest first. Where the temperature is 0, the first is certain. */
export function likelihoods(
  candidates: Float64Array,
  shape: { readonly tokens: number; readonly ranks: number; readonly choices: number },
  token: number,
  temperature: number,
): { readonly number: number; readonly probability: number }[] {
  const { tokens, ranks, choices } = shape;
  const all: Candidate[] = [];
  for (let rank = 0; rank < ranks; rank++) {
    for (let j = 0; j < choices; j++) {
      const at = 2 * ((rank * tokens + token) * choices + j);
      all.push({ value: candidates[at]!, number: candidates[at + 1]! });
    }
  }
  const best = all
    .filter(({ number }) => number >= 0)
    .sort(byValue)
    .slice(0, choices);
  const most = best[0]?.value ?? Number.NaN;
  const isCertain = temperature === 0 || !Number.isFinite(most);
  const exponentials = best.map(({ value }, i) => {
    if (isCertain) return i === 0 ? 1 : 0;
    return Number.isNaN(value) ? 0 : Math.exp((value - most) / temperature);
  });
  const sum = exponentials.reduce((total, one) => total + one, 0);
  return best.map(({ number }, i) => ({ number, probability: exponentials[i]! / sum }));
}

/**
 * @param candidates [ranks, tokens, choices, 2]: topK of every rank
 * @param temperatures [tokens]
 * @param uniforms [tokens], from 0 to below 1
 * @returns [tokens]; -1 where there is no candidate
 */
export function sample(
  candidates: Float64Array,
  temperatures: ArrayLike<number>,
  uniforms: ArrayLike<number>,
  choices: number,
): Float64Array {
  const tokens = temperatures.length;
  const ranks = candidates.length / (2 * tokens * choices);
  return Float64Array.from(temperatures, (temperature, token) => {
    const all = likelihoods(candidates, { tokens, ranks, choices }, token, temperature);
    let below = 0;
    for (const { number, probability } of all) {
      below += probability;
      if (uniforms[token]! < below) return number;
    }
    return all.at(-1)?.number ?? -1;
  });
}

export interface DecodeState {
  readonly ids: Float64Array;
  readonly positions: Float64Array;
  /** [limit, tokens]. */
  readonly history: Float64Array;
  /** [1]: rows of history that are written. */
  readonly steps: Float64Array;
}

/** What a decode step leaves for the next one. */
export function advance(state: DecodeState, sampled: Float64Array, limit: number): DecodeState {
  const { positions, history, steps } = state;
  const step = steps[0]!;
  const written = history.slice();
  if (step < limit) written.set(sampled, step * sampled.length);
  return {
    ids: sampled.slice(),
    positions: positions.map((position) => position + 1),
    history: written,
    steps: Float64Array.of(step + 1),
  };
}
