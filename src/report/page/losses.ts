/**
 * @file Sizes at which a choice loses, as `crossover check --json` prints them, or as a plain list.
 */
import { z } from 'zod';
import { CrossoverError } from '../../errors.ts';
import { sectionName } from './curves.ts';
import type { LosingBand } from './model.ts';

const LIST = z.array(
  z.object({
    from: z.number().min(0),
    to: z.number().min(0).nullable(),
    picks: z.string(),
    better: z.string(),
    us: z.number(),
    percent: z.number(),
    section: z.string().optional(),
  }),
);

const BAND = z.object({
  from: z.number(),
  last: z.number(),
  pick: z.object({ label: z.string() }),
  other: z.object({ label: z.string() }),
  worst: z.object({ us: z.number(), percent: z.number() }),
});

const KEY = z.object({
  operation: z.string(),
  worldSize: z.number(),
  dtype: z.string().optional(),
  mode: z.string().optional(),
  hidden: z.number().optional(),
  quantization: z.string().optional(),
  residual: z.boolean().optional(),
});

const CHECKED = z.array(z.object({ comparisons: z.array(z.object({ key: KEY, bands: z.array(BAND) })) }));

/** @throws CrossoverError when the text is neither */
export function parseLosses(text: string, source: string): LosingBand[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new CrossoverError(`${source} is not JSON`);
  }
  const list = LIST.safeParse(value);
  if (list.success) return list.data;
  const checked = CHECKED.safeParse(value);
  if (checked.success) {
    return checked.data
      .flatMap(({ comparisons }) => comparisons)
      .flatMap(({ key, bands }) => bands.map((band) => ofCheck(band, sectionName(key))));
  }
  throw new CrossoverError(
    `${source} has no sizes at which a choice loses; use what "crossover check --json" prints, or a list of from, to, picks, better, us, percent`,
  );
}

function ofCheck({ from, last, pick, other, worst }: z.infer<typeof BAND>, section: string): LosingBand {
  const { us, percent } = worst;
  return { from, to: last + 1, picks: pick.label, better: other.label, us, percent, section };
}
