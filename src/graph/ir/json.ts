/**
 * @file A graph as JSON: what `crossover fuse -o` writes and `importGraph` reads. Values are `{"%": name}`, numbers that JSON lacks `{"number": "Infinity"}`.
 * Weights stay in the file that they came from, and are referred to by name.
 */
import { z } from 'zod';
import { CrossoverError } from '../../errors.ts';
import { type Graph, isValue, type Node, type Operand, type Value } from './graph.ts';
import { GRAPH_DTYPES, type ValueType } from './type.ts';
import { NO_WEIGHTS, type WeightStore } from './weight.ts';

/** Version of the layout. */
export const GRAPH_SCHEMA = 1;

const typeSchema = z.union([
  z.strictObject({
    dtype: z.enum(GRAPH_DTYPES),
    shape: z.array(z.union([z.int().nonnegative(), z.string().min(1)])),
  }),
  z.strictObject({ scalar: z.enum(['int', 'float', 'bool', 'opaque']) }),
]);
const valueSchema = z.strictObject({ name: z.string().min(1), type: typeSchema });
type JsonOperand = null | boolean | number | string | { '%': string } | { number: string } | JsonOperand[];
const operandSchema: z.ZodType<JsonOperand> = z.lazy(() =>
  z.union([
    z.null(),
    z.boolean(),
    z.number(),
    z.string(),
    z.strictObject({ '%': z.string() }),
    z.strictObject({ number: z.enum(['Infinity', '-Infinity', 'NaN', '-0']) }),
    z.array(operandSchema),
  ]),
);
const boundSchema = z.union([z.int(), z.null()]);
const graphSchema = z.strictObject({
  crossover_graph: z.literal(GRAPH_SCHEMA),
  name: z.string(),
  symbols: z.record(z.string(), z.strictObject({ min: boundSchema, max: boundSchema })),
  inputs: z.array(valueSchema.extend({ weight: z.string().optional() })),
  nodes: z.array(
    z.strictObject({
      op: z.string().min(1),
      operands: z.record(z.string(), operandSchema),
      outputs: z.array(valueSchema),
      origin: z.string(),
    }),
  ),
  outputs: z.array(operandSchema),
  notes: z.array(z.string()),
});

/** JSON of a graph, without its weights. */
export function graphToJson(graph: Graph): object {
  const json: z.infer<typeof graphSchema> = {
    crossover_graph: GRAPH_SCHEMA,
    name: graph.name,
    symbols: Object.fromEntries(
      [...graph.symbols].map(([name, { min, max }]) => [name, { min: finite(min), max: finite(max) }]),
    ),
    inputs: graph.inputs.map(({ value, weight }) => ({
      ...valueToJson(value),
      ...(weight !== undefined && { weight }),
    })),
    nodes: graph.nodes.map(({ op, operands, outputs, origin }) => ({
      op,
      operands: Object.fromEntries(
        Object.entries(operands).map(([name, operand]) => [name, operandToJson(operand)]),
      ),
      outputs: outputs.map(valueToJson),
      origin,
    })),
    outputs: graph.outputs.map(operandToJson),
    notes: [...graph.notes],
  };
  return json;
}

/**
 * Reads what `graphToJson` gave. The graph is not verified.
 * @param weights of the file that the graph was made from @throws CrossoverError that names the place
 */
export function parseGraph(json: unknown, weights: WeightStore = NO_WEIGHTS): Graph {
  const parsed = graphSchema.safeParse(json);
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]!;
    throw new CrossoverError(`this is no graph of crossover: ${path.join('.') || 'the file'}: ${message}`);
  }
  const data = parsed.data;
  const values = new Map<string, Value>();
  const define = ({ name, type }: z.infer<typeof valueSchema>): Value => {
    const value = { name, type: typeFromJson(type) };
    if (values.has(name)) throw new CrossoverError(`this graph makes the value "${name}" twice`);
    values.set(name, value);
    return value;
  };
  const read = (operand: JsonOperand): Operand => {
    if (Array.isArray(operand)) return operand.map(read);
    if (typeof operand !== 'object' || operand === null) return operand;
    if ('number' in operand) return Number(operand.number);
    const value = values.get(operand['%']);
    if (!value) throw new CrossoverError(`this graph reads the value "${operand['%']}" before it is made`);
    return value;
  };
  const inputs = data.inputs.map(({ weight, ...value }) => ({
    value: define(value),
    ...(weight !== undefined && { weight }),
  }));
  const nodes = data.nodes.map(
    ({ op, operands, outputs, origin }): Node => ({
      op,
      operands: Object.fromEntries(Object.entries(operands).map(([name, operand]) => [name, read(operand)])),
      outputs: outputs.map(define),
      origin,
    }),
  );
  const symbols = new Map(
    Object.entries(data.symbols).map(([name, { min, max }]) => [
      name,
      { min: min ?? Number.NEGATIVE_INFINITY, max: max ?? Number.POSITIVE_INFINITY },
    ]),
  );
  return {
    name: data.name,
    inputs,
    nodes,
    outputs: data.outputs.map(read),
    symbols,
    weights,
    notes: data.notes,
  };
}

function finite(bound: number): number | null {
  return Number.isFinite(bound) ? bound : null;
}

function valueToJson({ name, type }: Value): z.infer<typeof valueSchema> {
  return {
    name,
    type: type.kind === 'tensor' ? { dtype: type.dtype, shape: [...type.shape] } : { scalar: type.kind },
  };
}

function typeFromJson(type: z.infer<typeof typeSchema>): ValueType {
  return 'scalar' in type ? { kind: type.scalar } : { kind: 'tensor', ...type };
}

function operandToJson(operand: Operand): JsonOperand {
  if (isValue(operand)) return { '%': operand.name };
  if (Array.isArray(operand)) return operand.map(operandToJson);
  if (typeof operand === 'number' && (!Number.isFinite(operand) || Object.is(operand, -0)))
    return { number: Object.is(operand, -0) ? '-0' : (String(operand) as 'Infinity') };
  return operand as Exclude<Operand, readonly Operand[] | Value>;
}
