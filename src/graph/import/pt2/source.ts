/**
 * @file What a model.json says, read and checked but not yet interpreted: inputs, nodes and outputs, whose values go by their names in the file.
 */
import type { ValueType } from '../../ir/type.ts';
import { type Argument, isList, type Reference, readArgument, referencesIn } from './argument.ts';
import type { Json } from './json.ts';
import { originOf } from './origin.ts';
import { regionOf, Scope } from './scope.ts';
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

export interface SourceOutput extends SourceValue {
  /** Its name in the graph that the node is in, where that is a region of another. */
  readonly declared: string;
}

export interface SourceNode {
  /** As the file has it: `torch.ops.aten.add.Tensor`. */
  readonly target: string;
  readonly args: ReadonlyMap<string, Argument>;
  /** Lists of outputs are flat here. */
  readonly outputs: readonly SourceOutput[];
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
  const weights = readInputSpecs(signature.field('input_specs'));
  const body = readBody(graph, symbols, new Scope());
  const inputs = graph
    .field('inputs')
    .list()
    .flatMap((json) => valuesOf(readArgument(json), body.types))
    .map((value) => ({ ...value, weight: weights.get(value.reference.reference) }));
  const notes = readOutputSpecs(signature.field('output_specs'));
  return { inputs, nodes: body.nodes, outputs: body.outputs, symbols, notes };
}

interface Body {
  readonly types: Types;
  readonly nodes: readonly SourceNode[];
  readonly outputs: readonly Argument[];
}

/** Nodes of a graph, with those of the regions in it that are opened. */
function readBody(graph: Json, symbols: Symbols, scope: Scope): Body {
  const types = new Types(graph, symbols);
  const nodes: SourceNode[] = [];
  for (const json of graph.field('nodes').list()) {
    const node = readNode(json, types, scope);
    if (!openRegion(node, symbols, scope, nodes)) nodes.push(node);
  }
  const outputs = graph
    .field('outputs')
    .list()
    .map((json) => resolved(readArgument(json), scope));
  return { types, nodes, outputs };
}

/** Puts the nodes of the region that a node calls, if it is one to open, and binds the node's outputs to the region's. */
function openRegion(node: SourceNode, symbols: Symbols, scope: Scope, nodes: SourceNode[]): boolean {
  const region = scope.isDeepest ? undefined : regionOf(node.target, [...node.args.values()], node.json);
  // Without an output it has no name of its own.
  if (!region || node.outputs.length === 0) return false;
  const inner = scope.inside(node.name);
  const names = region.graph
    .field('inputs')
    .list()
    .flatMap((json) => [...referencesIn(readArgument(json).operand)]);
  if (names.length !== region.given.length) return false;
  for (const [i, { reference }] of names.entries()) inner.bind(reference, region.given[i]!);
  const body = readBody(region.graph, symbols, inner);
  const given = body.outputs.flatMap(({ operand }) => (isList(operand) ? operand : [operand]));
  if (given.length !== node.outputs.length) return false;
  nodes.push(...body.nodes);
  for (const [i, { declared }] of node.outputs.entries()) scope.bind(declared, given[i]!);
  return true;
}

function readNode(json: Json, types: Types, scope: Scope): SourceNode {
  const args = new Map<string, Argument>();
  for (const [i, input] of json.field('inputs').list().entries()) {
    // Operations of higher order have arguments without a name.
    const name = input.maybe('name')?.text() || `arg${i}`;
    args.set(args.has(name) ? `${name}.${i}` : name, resolved(readArgument(input.field('arg')), scope));
  }
  const outputs = json
    .field('outputs')
    .list()
    .flatMap((output) => valuesOf(readArgument(output), types))
    .map(({ reference, type }) => ({
      reference: scope.own(reference),
      type,
      declared: reference.reference,
    }));
  return {
    target: json.field('target').text(),
    args,
    outputs,
    origin: originOf(json.maybe('metadata')?.maybe('nn_module_stack')?.text() ?? ''),
    name: outputs[0]?.reference.reference ?? json.maybe('name')?.text() ?? json.place(),
    json,
  };
}

function resolved({ kind, operand }: Argument, scope: Scope): Argument {
  return { kind, operand: scope.resolve(operand) };
}

/** Values that an input or an output makes. Constants among them make none. */
function valuesOf({ kind, operand }: Argument, types: Types): SourceValue[] {
  const isTensor = kind === 'as_tensor' || kind === 'as_tensors';
  return [...referencesIn(operand)].map((reference) => ({ reference, type: types.of(reference, isTensor) }));
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
