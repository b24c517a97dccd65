/**
 * @file Graphs of small ONNX models, for tests of the importer.
 */
import { importOnnx } from '../../../dist/graph/import/onnx/onnx.js';
import type { Graph } from '../../../dist/graph/ir/graph.js';
import { printNode } from '../../../dist/graph/ir/print.js';
import { verify } from '../../../dist/graph/ir/verify.js';
import {
  type Attribute,
  encodeModel,
  F32,
  type GraphSpec,
  inFolder,
  type ModelSpec,
  type NodeSpec,
  type ValueSpec,
  writeModel,
} from './onnx.ts';

export const MS = 'com.microsoft';

/** The graph of a model, verified. */
export function load(spec: ModelSpec): Graph {
  return inFolder((folder) => {
    const graph = importOnnx(writeModel(folder, encodeModel(spec)));
    verify(graph);
    return graph;
  });
}

export const value = (name: string, type: number, ...dims: (number | string | null)[]): ValueSpec => ({
  name,
  type,
  dims,
});

export function node(
  op: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Record<string, Attribute> = {},
  domain?: string,
): NodeSpec {
  return { op, inputs, outputs, attributes, ...(domain === undefined ? {} : { domain }) };
}

/** Nodes as text, sizes included. */
export const lines = ({ nodes }: Graph): string[] => nodes.map(printNode);

export interface Case {
  inputs?: ValueSpec[];
  initializers?: GraphSpec['initializers'];
  infos?: ValueSpec[];
  opset?: number;
}

/** What the nodes become that make `y`, of x: f32[s, 4, 8] unless said otherwise. */
export function translated(
  nodes: NodeSpec | NodeSpec[],
  { inputs, initializers, infos, opset = 21 }: Case = {},
): string[] {
  return lines(
    load({
      nodes: Array.isArray(nodes) ? nodes : [nodes],
      inputs: inputs ?? [value('x', F32, 's', 4, 8)],
      outputs: [{ name: 'y', type: F32 }],
      ...(initializers ? { initializers } : {}),
      ...(infos ? { infos } : {}),
      opsets: { '': opset, [MS]: 1 },
    }),
  );
}

export const X = value('x', F32, 's', 4, 8);
export const TWO = [value('a', F32, 's', 4, 8), value('b', F32, 8)];
