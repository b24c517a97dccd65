/**
 * @file A topology as a JSON file: the fields of Topology, with launch and efficiency optional. Read strictly, so that a
 * misspelt field is an error that names it instead of a silent default.
 */
import { z } from 'zod';
import { CrossoverError } from '../errors.ts';
import { checkTopology, DEFAULT_EFFICIENCY, DEFAULT_LAUNCH, MAX_RANKS, type Topology } from './topology.ts';

const share = z.number().positive().max(2);

const topologySchema = z.strictObject({
  name: z.string().min(1),
  interconnect: z.enum(['nvlink', 'pcie']),
  launch: z.number().nonnegative().optional(),
  efficiency: z.strictObject({ read: share, write: share }).optional(),
  nodes: z
    .array(z.strictObject({ name: z.string().min(1), kind: z.enum(['device', 'switch', 'host']) }))
    .max(4096),
  links: z
    .array(
      z.strictObject({
        from: z.string(),
        to: z.string(),
        bandwidth: z.number().positive(),
        latency: z.number().nonnegative(),
        /** Writes the same link the other way as well. */
        duplex: z.boolean().optional(),
      }),
    )
    .max(65536),
  ranks: z.array(z.string()).min(1).max(MAX_RANKS),
});

/**
 * Reads a topology from the text of a JSON file. `"duplex": true` on a link adds its other direction.
 * @throws CrossoverError that names the field, or the position of what is no JSON.
 */
export function parseTopology(text: string): Topology {
  const { links, launch, efficiency, ...rest } = checked(
    topologySchema,
    parseJson(text, 'topology'),
    'topology',
  );
  return checkTopology({
    ...rest,
    launch: launch ?? DEFAULT_LAUNCH,
    efficiency: efficiency ?? DEFAULT_EFFICIENCY[rest.interconnect],
    links: links.flatMap(({ duplex, ...link }) =>
      duplex === true ? [link, { ...link, from: link.to, to: link.from }] : [link],
    ),
  });
}

/** JSON.parse whose error says which file's content was wrong. */
export function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new CrossoverError(
      `${what} is not JSON: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

/** Validates a value; the error names the first field at fault, as in `topology: links[2].bandwidth: ...`. */
export function checked<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  if (issue === undefined) throw new CrossoverError(`${what} is invalid`);
  const path = issue.path
    .map((key, i) => (typeof key === 'number' ? `[${key}]` : `${i > 0 ? '.' : ''}${String(key)}`))
    .join('');
  throw new CrossoverError(`${what}: ${path === '' ? '' : `${path}: `}${issue.message}`);
}
