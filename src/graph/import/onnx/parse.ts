/**
 * @file Reads ModelProto, GraphProto, NodeProto, AttributeProto and ValueInfoProto. The numbers are those of onnx.proto; other fields are passed over.
 */
import { CrossoverError } from '../../../errors.ts';
import {
  type OnnxAttribute,
  type OnnxGraph,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
  type OnnxValue,
  quoted,
} from './messages.ts';
import { parseTensor } from './parse-tensor.ts';
import { type Field, type Range, Wire } from './wire.ts';

/** Graphs in attributes of nodes of graphs, as deep as this: a file could nest one for every few bytes. */
const MAX_DEPTH = 32;

/** @throws CrossoverError that names the file and the byte, when it is no ModelProto */
export function parseModel(bytes: Uint8Array, path: string): OnnxModel {
  const wire = new Wire(bytes, path);
  const opsets = new Map<string, number>();
  const functions = new Set<string>();
  let graph: Range | undefined;
  try {
    for (const field of wire.fields({ start: 0, end: bytes.length }, 'the model')) {
      if (field.number === 7) graph = field.range();
      else if (field.number === 8) {
        const { domain, version } = parseOpset(wire, field.range());
        opsets.set(domain, version);
      } else if (field.number === 25) functions.add(parseFunction(wire, field.range()));
    }
  } catch (error) {
    if (!(error instanceof CrossoverError)) throw error;
    throw new CrossoverError(
      `${error.message}; an ONNX file is a ModelProto, and this one is not, or is damaged`,
    );
  }
  if (!graph) {
    throw new CrossoverError(
      `${path} is no ONNX model: its ${bytes.length} bytes hold no graph (field 7 of ModelProto)`,
    );
  }
  return { opsets, functions, graph: parseGraph(wire, graph, 'graph', 0) };
}

function parseOpset(wire: Wire, range: Range): { domain: string; version: number } {
  let domain = '';
  let version = 0;
  for (const field of wire.fields(range, 'opset_import')) {
    if (field.number === 1) domain = plainDomain(field.text());
    else if (field.number === 2) version = field.int();
  }
  return { domain, version };
}

function parseFunction(wire: Wire, range: Range): string {
  let name = '';
  let domain = '';
  for (const field of wire.fields(range, 'functions')) {
    if (field.number === 1) name = field.text();
    else if (field.number === 10) domain = plainDomain(field.text());
  }
  return `${domain}.${name}`;
}

function plainDomain(domain: string): string {
  return domain === 'ai.onnx' ? '' : domain;
}

function parseGraph(wire: Wire, range: Range, what: string, depth: number): OnnxGraph {
  if (depth > MAX_DEPTH) {
    throw wire.error(range.start, what, `graphs are nested more than ${MAX_DEPTH} deep`);
  }
  let name = '';
  const nodes: OnnxNode[] = [];
  const initializers: OnnxTensor[] = [];
  const sparse: string[] = [];
  const inputs: OnnxValue[] = [];
  const outputs: OnnxValue[] = [];
  const infos: OnnxValue[] = [];
  for (const field of wire.fields(range, what)) {
    switch (field.number) {
      case 1:
        nodes.push(parseNode(wire, field.range(), `${what}.node[${nodes.length}]`, depth));
        break;
      case 2:
        name = field.text();
        break;
      case 5:
        initializers.push(parseTensor(wire, field.range(), `${what}.initializer[${initializers.length}]`));
        break;
      case 11:
        inputs.push(parseValue(wire, field.range(), `${what}.input[${inputs.length}]`));
        break;
      case 12:
        outputs.push(parseValue(wire, field.range(), `${what}.output[${outputs.length}]`));
        break;
      case 13:
        infos.push(parseValue(wire, field.range(), `${what}.value_info[${infos.length}]`));
        break;
      case 15:
        sparse.push(parseSparse(wire, field.range(), `${what}.sparse_initializer[${sparse.length}]`));
        break;
    }
  }
  return { name, nodes, initializers, sparse, inputs, outputs, infos };
}

/** The name of a sparse tensor is that of its values. */
function parseSparse(wire: Wire, range: Range, what: string): string {
  for (const field of wire.fields(range, what)) {
    if (field.number === 1) return parseTensor(wire, field.range(), what).name;
  }
  return '';
}

function parseNode(wire: Wire, range: Range, what: string, depth: number): OnnxNode {
  let name = '';
  let op = '';
  let domain = '';
  const inputs: string[] = [];
  const outputs: string[] = [];
  const attributes = new Map<string, OnnxAttribute>();
  for (const field of wire.fields(range, what)) {
    switch (field.number) {
      case 1:
        inputs.push(field.text());
        break;
      case 2:
        outputs.push(field.text());
        break;
      case 3:
        name = field.text();
        break;
      case 4:
        op = field.text();
        break;
      case 5: {
        const [key, attribute] = parseAttribute(wire, field.range(), what, depth);
        attributes.set(key, attribute);
        break;
      }
      case 7:
        domain = plainDomain(field.text());
        break;
    }
  }
  if (op === '') throw wire.error(range.start, what, 'a node has no op_type');
  return { name, op, domain, inputs, outputs, attributes };
}

/** What each AttributeProto.AttributeType stands for, and the field that holds it. */
const ATTRIBUTE_FIELDS: Readonly<Record<number, number>> = {
  1: 2,
  2: 3,
  3: 4,
  4: 5,
  5: 6,
  6: 7,
  7: 8,
  8: 9,
  9: 10,
  10: 11,
  11: 22,
  12: 23,
  13: 14,
  14: 15,
};

function parseAttribute(wire: Wire, range: Range, node: string, depth: number): [string, OnnxAttribute] {
  let name = '';
  let type = 0;
  const fields: Field[] = [];
  for (const field of wire.fields(range, `an attribute of ${node}`)) {
    if (field.number === 1) name = field.text();
    else if (field.number === 20) type = field.int();
    else fields.push(field);
  }
  const what = `attribute ${quoted(name)} of ${node}`;
  // Proto2 files may leave the type out, and files leave fields out that have their default.
  const number =
    type === 0 ? (fields.find((field) => field.number !== 13)?.number ?? 0) : ATTRIBUTE_FIELDS[type];
  const own = fields.filter((field) => field.number === number);
  const last = own.at(-1);
  const graphs = (): OnnxGraph[] => own.map((field) => parseGraph(wire, field.range(), what, depth + 1));
  const tensors = (): OnnxTensor[] => own.map((field) => parseTensor(wire, field.range(), what));
  switch (number) {
    case 2:
      return [name, { kind: 'number', value: last?.float() ?? 0 }];
    case 3:
      return [name, { kind: 'number', value: last?.int() ?? 0 }];
    case 4:
      return [name, { kind: 'text', value: last?.text() ?? '' }];
    case 5: {
      const value = tensors().at(-1);
      if (!value) throw wire.error(range.start, what, 'its type is TENSOR, and there is none');
      return [name, { kind: 'tensor', value }];
    }
    case 6:
    case 11:
      return [name, { kind: 'graphs', value: graphs() }];
    case 7:
      return [name, { kind: 'numbers', value: own.flatMap((field) => floats(wire, field)) }];
    case 8:
      return [name, { kind: 'numbers', value: own.flatMap((field) => field.ints()) }];
    case 9:
      return [name, { kind: 'texts', value: own.map((field) => field.text()) }];
    case 10:
      return [name, { kind: 'tensors', value: tensors() }];
    default:
      return [name, { kind: 'other', value: `attribute of type ${type}` }];
  }
}

function floats(wire: Wire, field: Field): number[] {
  const { start, end } = field.fixed(4);
  const values: number[] = [];
  for (let at = start; at < end; at += 4) values.push(wire.float(at));
  return values;
}

function parseValue(wire: Wire, range: Range, what: string): OnnxValue {
  let name = '';
  let tensor: Range | undefined;
  for (const field of wire.fields(range, what)) {
    if (field.number === 1) name = field.text();
    else if (field.number === 2) {
      for (const type of wire.fields(field.range(), `${what}.type`)) {
        if (type.number === 1) tensor = type.range();
      }
    }
  }
  if (!tensor) return { name };
  let type = 0;
  let shape: OnnxValue['shape'];
  for (const field of wire.fields(tensor, `${what}.type.tensor_type`)) {
    if (field.number === 1) type = field.int();
    else if (field.number === 2) shape = parseShape(wire, field.range(), `${what}.type.tensor_type.shape`);
  }
  return { name, type, ...(shape ? { shape } : {}) };
}

function parseShape(wire: Wire, range: Range, what: string): (number | string | null)[] {
  const shape: (number | string | null)[] = [];
  for (const field of wire.fields(range, what)) {
    if (field.number !== 1) continue;
    let dim: number | string | null = null;
    for (const part of wire.fields(field.range(), `${what}.dim[${shape.length}]`)) {
      if (part.number === 1) dim = part.int();
      // An empty name is no name.
      else if (part.number === 2) dim = part.text() || null;
    }
    // Exporters write -1 for what they do not know.
    shape.push(typeof dim === 'number' && (dim < 0 || !Number.isSafeInteger(dim)) ? null : dim);
  }
  return shape;
}
