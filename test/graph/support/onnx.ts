/**
 * @file Writes ONNX files for tests: as much of ModelProto as the importer reads, field by field.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PbfWriter } from 'pbf';

/** Codes of TensorProto.DataType. */
export const F32 = 1;
export const I8 = 3;
export const I64 = 7;
export const BOOL = 9;
export const F16 = 10;
export const BF16 = 16;
export const F8E4M3 = 17;

export type Attribute = { type: number; write: (pbf: PbfWriter) => void };

export const int = (value: number): Attribute => ({
  type: 2,
  write: (pbf) => varint(pbf, 3, value),
});
export const float = (value: number): Attribute => ({
  type: 1,
  write: (pbf) => {
    pbf.writeTag(2, 5);
    pbf.writeFloat(value);
  },
});
export const text = (value: string): Attribute => ({ type: 3, write: (pbf) => string(pbf, 4, value) });
export const ints = (values: readonly number[]): Attribute => ({
  type: 7,
  write: (pbf) => {
    for (const value of values) varint(pbf, 8, value);
  },
});
export const tensor = (value: TensorSpec): Attribute => ({
  type: 4,
  write: (pbf) => pbf.writeMessage(5, writeTensor, value),
});
export const graph = (value: GraphSpec): Attribute => ({
  type: 5,
  write: (pbf) => pbf.writeMessage(6, writeGraph, value),
});

export interface NodeSpec {
  op: string;
  inputs: readonly string[];
  outputs: readonly string[];
  domain?: string;
  name?: string;
  attributes?: Record<string, Attribute>;
}

export interface TensorSpec {
  name: string;
  type: number;
  dims: readonly number[];
  raw?: Uint8Array;
  floats?: readonly number[];
  int32s?: readonly number[];
  int64s?: readonly number[];
  texts?: readonly string[];
  external?: Record<string, string>;
}

export interface ValueSpec {
  name: string;
  type: number;
  dims?: readonly (number | string | null)[];
}

export interface GraphSpec {
  name?: string;
  nodes?: readonly NodeSpec[];
  inputs?: readonly ValueSpec[];
  outputs?: readonly ValueSpec[];
  initializers?: readonly TensorSpec[];
  infos?: readonly ValueSpec[];
  sparse?: readonly string[];
}

export interface ModelSpec extends GraphSpec {
  /** Version by domain; ai.onnx 21 by default. */
  opsets?: Record<string, number>;
  /** `[domain, name]` of functions of the model's own. */
  functions?: readonly (readonly [string, string])[];
}

export const f32s = (...values: number[]): Uint8Array => new Uint8Array(new Float32Array(values).buffer);
export const i64s = (...values: number[]): Uint8Array =>
  new Uint8Array(new BigInt64Array(values.map((value) => BigInt(value))).buffer);

/** A list of int64, as shapes and axes are. */
export const list = (name: string, ...values: number[]): TensorSpec => ({
  name,
  type: I64,
  dims: [values.length],
  raw: i64s(...values),
});
export const scalar = (name: string, value: number): TensorSpec => ({
  name,
  type: F32,
  dims: [],
  raw: f32s(value),
});
/** A weight of zeros. */
export const weight = (name: string, type: number, ...dims: number[]): TensorSpec => {
  const bytes = type === F32 ? 4 : type === I64 ? 8 : type === F16 || type === BF16 ? 2 : 1;
  return { name, type, dims, raw: new Uint8Array(dims.reduce((a, b) => a * b, bytes)) };
};

export function encodeModel(spec: ModelSpec): Uint8Array {
  const pbf = new PbfWriter();
  varint(pbf, 1, 10);
  pbf.writeMessage(7, writeGraph, spec);
  for (const [domain, version] of Object.entries(spec.opsets ?? { '': 21, 'com.microsoft': 1 })) {
    pbf.writeMessage(
      8,
      (_, out) => {
        string(out, 1, domain);
        varint(out, 2, version);
      },
      undefined,
    );
  }
  for (const [domain, name] of spec.functions ?? []) {
    pbf.writeMessage(
      25,
      (_, out) => {
        string(out, 1, name);
        string(out, 10, domain);
      },
      undefined,
    );
  }
  return pbf.finish().slice();
}

/** Runs with a folder that is gone afterwards. */
export function inFolder<T>(run: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'crossover-onnx-'));
  try {
    return run(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export function writeModel(folder: string, bytes: Uint8Array, name = 'model.onnx'): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

function varint(pbf: PbfWriter, field: number, value: number): void {
  pbf.writeTag(field, 0);
  pbf.writeVarint(value);
}

function string(pbf: PbfWriter, field: number, value: string): void {
  pbf.writeTag(field, 2);
  pbf.writeString(value);
}

function bytes(pbf: PbfWriter, field: number, value: Uint8Array): void {
  pbf.writeTag(field, 2);
  pbf.writeBytes(value);
}

function writeGraph(spec: GraphSpec, pbf: PbfWriter): void {
  for (const node of spec.nodes ?? []) pbf.writeMessage(1, writeNode, node);
  string(pbf, 2, spec.name ?? 'test');
  for (const one of spec.initializers ?? []) pbf.writeMessage(5, writeTensor, one);
  for (const one of spec.inputs ?? []) pbf.writeMessage(11, writeValue, one);
  for (const one of spec.outputs ?? []) pbf.writeMessage(12, writeValue, one);
  for (const one of spec.infos ?? []) pbf.writeMessage(13, writeValue, one);
  for (const name of spec.sparse ?? []) {
    pbf.writeMessage(
      15,
      (_, out) => out.writeMessage(1, writeTensor, { name, type: F32, dims: [0] }),
      undefined,
    );
  }
}

function writeNode({ op, inputs, outputs, domain, name, attributes }: NodeSpec, pbf: PbfWriter): void {
  for (const input of inputs) string(pbf, 1, input);
  for (const output of outputs) string(pbf, 2, output);
  if (name !== undefined) string(pbf, 3, name);
  string(pbf, 4, op);
  for (const [key, { type, write }] of Object.entries(attributes ?? {})) {
    pbf.writeMessage(
      5,
      (_, out) => {
        string(out, 1, key);
        write(out);
        varint(out, 20, type);
      },
      undefined,
    );
  }
  if (domain !== undefined) string(pbf, 7, domain);
}

function writeTensor(spec: TensorSpec, pbf: PbfWriter): void {
  pbf.writePackedVarint(1, [...spec.dims]);
  varint(pbf, 2, spec.type);
  if (spec.floats) pbf.writePackedFloat(4, [...spec.floats]);
  if (spec.int32s) pbf.writePackedVarint(5, [...spec.int32s]);
  for (const one of spec.texts ?? []) string(pbf, 6, one);
  if (spec.int64s) pbf.writePackedVarint(7, [...spec.int64s]);
  string(pbf, 8, spec.name);
  if (spec.raw) bytes(pbf, 9, spec.raw);
  for (const [key, value] of Object.entries(spec.external ?? {})) {
    pbf.writeMessage(
      13,
      (_, out) => {
        string(out, 1, key);
        string(out, 2, value);
      },
      undefined,
    );
  }
  if (spec.external) varint(pbf, 14, 1);
}

function writeValue({ name, type, dims }: ValueSpec, pbf: PbfWriter): void {
  string(pbf, 1, name);
  const shape = (_: undefined, out: PbfWriter): void => {
    for (const dim of dims ?? []) {
      out.writeMessage(
        1,
        (one, at) => {
          if (typeof one === 'number') varint(at, 1, one);
          else if (one !== null) string(at, 2, one);
        },
        dim,
      );
    }
  };
  const tensorType = (_: undefined, out: PbfWriter): void => {
    varint(out, 1, type);
    if (dims) out.writeMessage(2, shape, undefined);
  };
  pbf.writeMessage(2, (_, out) => out.writeMessage(1, tensorType, undefined), undefined);
}
