/**
 * @file What a model.json says, read and checked but not yet interpreted: inputs, nodes and outputs, whose values go by their names in the file.
 */
import type { ValueType } from '../../ir/type.ts';
import { type Argument, isReference, type Reference, readArgument, referencesIn } from './argument.ts';
import type { Json } from './json.ts';
import { originOf } from './origin.ts';
import { readInputSpecs, readOutputSpecs } from './signature.ts';
import { Symbols } from './symbols.ts';
import { Types } from './types.ts';

/** Major version of the schema that is read. Minor versions add fields. */
const SCHEMA_MAJOR = 8;

export interface SourceValue {
  readonly reference: Reference;
  readonly type: ValueType;
}

export interface SourceInput extends SourceValue {
  /** Name of the weight, buffer or constant; absent for what the caller gives. */
  readonly weight: string | undefined;
}

export interface SourceNode {
  /** As the file has it: `torch.ops.aten.add.Tensor`. */
  readonly target: string;
  readonly args: ReadonlyMap<string, Argument>;
  /** Lists of outputs are flat here. */
  readonly outputs: readonly SourceValue[];
  readonly origin: string;
  /** For messages. */
  readonly name: string;
  readonly json: Json;
}

export interface Source {
  readonly inputs: readonly SourceInput[];
  readonly nodes: readonly SourceNode[];
  readonly outputs: readonly Argument[];
  readonly symbols: Symbols;
  /** What is to be known of the outputs. */
  readonly notes: readonly string[];
}

/** @throws CrossoverError that names the place of what is wrong */
export function readSource(model: Json): Source {
  const major = model.field('schema_version').field('major');
  if (major.int() !== SCHEMA_MAJOR)
    major.refuse(`${SCHEMA_MAJOR}; export the model with a torch of that schema`);
  const module = model.field('graph_module');
  const graph = module.field('graph');
  const signature = module.field('signature');
  const symbols = new Symbols(model.maybe('range_constraints'));
  const types = new Types(graph, symbols);
  const weights = readInputSpecs(signature.field('input_specs'));
  const inputs = graph
    .field('inputs')
    .list()
    .flatMap((json) => valuesOf(readArgument(json), types))
    .map((value) => ({ ...value, weight: weights.get(value.reference.reference) }));
  const nodes = graph
    .field('nodes')
    .list()
    .map((json) => readNode(json, types));
  const outputs = graph
    .field('outputs')
    .list()
    .map((json) => readArgument(json));
  return { inputs, nodes, outputs, symbols, notes: readOutputSpecs(signature.field('output_specs')) };
}

function readNode(json: Json, types: Types): SourceNode {
  const args = new Map<string, Argument>();
  for (const [i, input] of json.field('inputs').list().entries()) {
    // Operations of higher order have arguments without a name.
    const name = input.maybe('name')?.text() || `arg${i}`;
    args.set(args.has(name) ? `${name}.${i}` : name, readArgument(input.field('arg')));
  }
  const outputs = json
    .field('outputs')
    .list()
    .flatMap((output) => valuesOf(readArgument(output), types));
  return {
    target: json.field('target').text(),
    args,
    outputs,
    origin: originOf(json.maybe('metadata')?.maybe('nn_module_stack')?.text() ?? ''),
    name: outputs[0]?.reference.reference ?? json.maybe('name')?.text() ?? json.place(),
    json,
  };
}

/** Values that an input or an output makes. Constants among them make none. */
function valuesOf({ kind, operand }: Argument, types: Types): SourceValue[] {
  const isTensor = kind === 'as_tensor' || kind === 'as_tensors';
  return [...referencesIn(operand)]
    .filter(isReference)
    .map((reference) => ({ reference, type: types.of(reference, isTensor) }));
}

/** When each name is read for the last time: the index of the node, or Infinity for what the graph gives. */
export function lastReads(source: Source): Map<string, number> {
  const reads = new Map<string, number>();
  for (const [i, { args }] of source.nodes.entries()) {
    for (const { operand } of args.values())
      for (const { reference } of referencesIn(operand)) reads.set(reference, i);
  }
  for (const { operand } of source.outputs)
    for (const { reference } of referencesIn(operand)) reads.set(reference, Number.POSITIVE_INFINITY);
  return reads;
}
