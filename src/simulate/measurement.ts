/**
 * @file Measured times that predictions are fitted to and compared with, and the JSON they are read from.
 */
import { z } from 'zod';
import { checked, parseJson } from './topology-file.ts';

/** One measured operation: `algorithm` is a name of the simulator's catalogue, `bytes` as nccl-tests prints sizes. */
export interface Measurement {
  readonly algorithm: string;
  readonly bytes: number;
  readonly us: number;
}

const list = z
  .array(
    z.strictObject({
      algorithm: z.string().min(1),
      bytes: z.int().positive(),
      us: z.number().positive(),
    }),
  )
  .min(1);

/**
 * Reads `[{ "algorithm", "bytes", "us" }, ...]`, or the same under "measurements" beside a "source" that says where it
 * comes from.
 * @throws CrossoverError that names the entry and the field.
 */
export function parseMeasurements(text: string): Measurement[] {
  const value = parseJson(text, 'measurements');
  if (Array.isArray(value)) return checked(list, value, 'measurements');
  const schema = z.strictObject({ source: z.string().optional(), measurements: list });
  return checked(schema, value, 'measurements').measurements;
}
