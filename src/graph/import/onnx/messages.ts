/**
 * @file What an ONNX file says, message by message, as far as the importer needs it.
 */
import type { Range } from './wire.ts';

export interface OnnxModel {
  /** Version by domain; "" is ai.onnx. */
  readonly opsets: ReadonlyMap<string, number>;
  readonly graph: OnnxGraph;
  /** `domain.name` of functions that the model defines itself: such a node is no operator of that name. */
  readonly functions: ReadonlySet<string>;
}

export interface OnnxGraph {
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly OnnxTensor[];
  /** Names of initializers that are stored sparsely. */
  readonly sparse: readonly string[];
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  readonly infos: readonly OnnxValue[];
}

export interface OnnxNode {
  readonly name: string;
  readonly op: string;
  /** "" for ai.onnx, however the file writes it. */
  readonly domain: string;
  /** "" for one that is left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, OnnxAttribute>;
}

/** What attributes hold, by kind. A number is a float or an int. */
export interface AttributeValues {
  readonly number: number;
  readonly text: string;
  readonly numbers: readonly number[];
  readonly texts: readonly string[];
  readonly tensor: OnnxTensor;
  readonly tensors: readonly OnnxTensor[];
  readonly graphs: readonly OnnxGraph[];
  /** Sparse tensors, types, references: named only. */
  readonly other: string;
}

export type AttributeKind = keyof AttributeValues;

export type OnnxAttribute = {
  readonly [K in AttributeKind]: { readonly kind: K; readonly value: AttributeValues[K] };
}[AttributeKind];

export interface OnnxTensor {
  readonly name: string;
  readonly dims: readonly number[];
  /** TensorProto.DataType. */
  readonly type: number;
  readonly raw?: Uint8Array;
  /** Elements in each of the typed fields, by field number. The fields are read when they are asked for. */
  readonly counts: ReadonlyMap<number, number>;
  readonly range: Range;
  /** Keys and values of external data; absent when the data is in the file. */
  readonly external?: ReadonlyMap<string, string>;
  readonly texts: readonly string[];
}

export interface OnnxValue {
  readonly name: string;
  /** TensorProto.DataType; absent for what is no tensor. */
  readonly type?: number;
  /** Absent where the rank is unknown; a dim is null where nothing is said of it, and a text where it is a parameter. */
  readonly shape?: readonly (number | string | null)[];
}

const MAX_QUOTED = 120;

/** A text of the file in a message: in quotes, on one line, and not longer than anyone reads. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > MAX_QUOTED ? `${text.slice(0, MAX_QUOTED)}...` : text);
}

/** `graph.node[17] "/layers.0/attn/MatMul"`. */
export function nodePlace(index: number, name: string): string {
  return `graph.node[${index}]${name === '' ? '' : ` ${quoted(name)}`}`;
}
