/**
 * @file ONNX models as graphs. Operators that the table lists become operations of graphs here; all others, and uses that a row does not understand,
 * are carried through as they came.
 */
import { readFileSync, statSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { CrossoverError } from '../../../errors.ts';
import { formatBytes } from '../../../units.ts';
import type { Graph, Node } from '../../ir/graph.ts';
import { capturedBy, carryThrough } from './carry.ts';
import { reason } from './external.ts';
import { FOLDS, type Fold } from './fold.ts';
import { type Known, knownWeight } from './known.ts';
import {
  nodePlace,
  type OnnxGraph,
  type OnnxModel,
  type OnnxNode,
  type OnnxValue,
  quoted,
} from './messages.ts';
import { type Left, notesOf } from './notes.ts';
import { parseModel } from './parse.ts';
import type { Row } from './rows/row.ts';
import { ROWS, rowKey } from './rows/table.ts';
import { NotUnderstood } from './shapes.ts';
import { Site } from './site.ts';
import { Translation } from './translation.ts';
import { Wire } from './wire.ts';

/** Protobuf has no larger messages; larger models keep their weights in files beside them. */
const MAX_MODEL_BYTES = 2 ** 31;

/**
 * Reads an ONNX model. Weights are read when they are asked for, those in files beside the model from there.
 * @throws CrossoverError that names the file and the place in it, when it is no ONNX model, or contradicts itself
 */
export function importOnnx(path: string): Graph {
  const bytes = readModel(path);
  const model = parseModel(bytes, path);
  const translation = new Translation(
    path,
    { wire: new Wire(bytes, path), folder: dirname(path) },
    declaredTypes(model.graph),
  );
  const left = new Map<Node, Left>();
  addInputs(model.graph, translation);
  const read = namesRead(model.graph);
  for (const [i, node] of model.graph.nodes.entries()) {
    addNode(node, nodePlace(i, node.name), { model, translation, read, left });
  }
  const outputs = model.graph.outputs.map(({ name }, i) => translation.value(name, `graph.output[${i}]`));
  const { nodes, inputs, symbols } = translation.finish(outputs);
  return {
    name: model.graph.name || basename(path).replace(/\.onnx$/, ''),
    inputs,
    nodes,
    outputs,
    symbols,
    weights: translation.weights,
    notes: notesOf(nodes, left),
  };
}

function readModel(path: string): Uint8Array {
  try {
    const info = statSync(path);
    if (!info.isFile()) throw new CrossoverError(`${path} is not a file`);
    if (info.size >= MAX_MODEL_BYTES) {
      throw new CrossoverError(
        `${path} has ${formatBytes(info.size)}; an ONNX file has less than 2 GiB, and keeps larger weights in other files`,
      );
    }
    const buffer = readFileSync(path);
    // As a plain array: a Buffer's slice shares memory where an array's copies.
    return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);
  } catch (error) {
    if (error instanceof CrossoverError) throw error;
    throw new CrossoverError(`cannot read ${path}: ${reason(error)}`, { cause: error });
  }
}

function declaredTypes({ infos, inputs, outputs }: OnnxGraph): Map<string, OnnxValue> {
  return new Map([...infos, ...outputs, ...inputs].map((info) => [info.name, info]));
}

/** What nodes, their graphs and the caller read. */
function namesRead({ nodes, outputs }: OnnxGraph): Set<string> {
  const read = new Set(outputs.map(({ name }) => name));
  for (const node of nodes) {
    for (const name of node.inputs) read.add(name);
    for (const name of capturedBy(node)) read.add(name);
  }
  return read;
}

/** Initializers may be inputs as well: values that the caller may replace. They are weights here. */
function addInputs(graph: OnnxGraph, translation: Translation): void {
  if (graph.sparse.length > 0) {
    throw translation.error(
      'graph.sparse_initializer[0]',
      `${quoted(graph.sparse[0]!)} is stored sparsely; expected dense initializers`,
    );
  }
  const held = new Set(graph.initializers.map(({ name }) => name));
  for (const [i, { name }] of graph.inputs.entries()) {
    if (name === '') throw translation.error(`graph.input[${i}]`, 'it has no name');
    if (!held.has(name)) translation.input(name, `graph.input[${i}]`);
  }
  for (const [i, tensor] of graph.initializers.entries()) {
    const place = `graph.initializer[${i}] ${quoted(tensor.name)}`;
    if (tensor.name === '') throw translation.error(place, 'it has no name');
    translation.initializer(tensor.name, tensor, place);
  }
}

interface Import {
  readonly model: OnnxModel;
  readonly translation: Translation;
  readonly read: ReadonlySet<string>;
  /** Why nodes that a row exists for are carried through. */
  readonly left: Map<Node, Left>;
}

function addNode(node: OnnxNode, place: string, { model, translation, read, left }: Import): void {
  const opset = model.opsets.get(node.domain);
  if (opset === undefined && node.domain === '') {
    throw translation.error(
      place,
      `it is ${quoted(node.op)} of ai.onnx, and the model has no opset_import of that domain`,
    );
  }
  const site = (): Site => new Site(node, opset ?? 1, place, translation, read);
  // A function of the model's own may have any name.
  const key = model.functions.has(`${node.domain}.${node.op}`) ? '' : rowKey(node);
  const name = node.outputs[0] ?? '';
  translation.mark();
  const known = Object.hasOwn(FOLDS, key) ? folded(site(), FOLDS[key]!) : undefined;
  if (known && name !== '' && knownWeight(known)) {
    translation.bind(name, { known }, place);
    return;
  }
  const from = translation.nodes.length;
  const problem = Object.hasOwn(ROWS, key) ? problemOf(site(), ROWS[key]!) : undefined;
  if (problem !== undefined) translation.takeBack();
  if (problem !== undefined || !Object.hasOwn(ROWS, key)) {
    const carried = carryThrough(node, place, site().origin, translation);
    if (problem !== undefined) left.set(carried, { place, problem });
  }
  // What is known in part has been made as well, for whoever reads it as a tensor.
  if (known && name !== '') {
    translation.setKnown(name, known);
    for (const made of translation.nodes.slice(from)) translation.prunable.add(made);
  }
}

/** What a node gives, where that is known at import. */
function folded(site: Site, fold: Fold): Known | undefined {
  let known: Known | undefined;
  const problem = problemOf(site, () => {
    known = fold(site);
    if (known) site.claim(0);
  });
  return problem === undefined ? known : undefined;
}

/** Why a row does not understand a node; undefined when it does. */
function problemOf(site: Site, row: Row): string | undefined {
  try {
    row(site);
    site.finish();
    return undefined;
  } catch (error) {
    if (error instanceof NotUnderstood) return error.message;
    throw error;
  }
}
