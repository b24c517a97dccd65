/**
 * @file Nodes that are carried through as they came: operands by position, attributes by name, and what their graphs take from around them.
 */
import type { Node, Operand, Value } from '../../ir/graph.ts';
import { type OnnxAttribute, type OnnxGraph, type OnnxNode, quoted } from './messages.ts';
import { contentOf } from './tensor.ts';
import type { Translation } from './translation.ts';

export function carryThrough(node: OnnxNode, place: string, origin: string, translation: Translation): Node {
  const operands: Record<string, Operand> = {};
  for (const [i, name] of node.inputs.entries()) {
    operands[`input${i}`] = name === '' ? null : translation.value(name, place);
  }
  const captured = capturedBy(node).map((name) => translation.value(name, place));
  if (captured.length > 0) operands.captured = captured;
  for (const [name, attribute] of node.attributes) {
    const isPlain = /^[A-Za-z_]\w*$/.test(name) && name !== '__proto__' && !Object.hasOwn(operands, name);
    operands[isPlain ? name : `attribute.${name}`] = operandOf(attribute, name, node, place, translation);
  }
  const outputs = node.outputs
    .filter((name) => name !== '')
    .map((name) => {
      const value = translation.make(name, translation.declaredType(name));
      translation.bind(name, { value }, place);
      return value;
    });
  const carried: Node = { op: `onnx.${node.domain || 'ai.onnx'}.${node.op}`, operands, outputs, origin };
  translation.nodes.push(carried);
  return carried;
}

/** Tensors become weights; of graphs only the name is left, as `captured` says what they read. */
function operandOf(
  attribute: OnnxAttribute,
  name: string,
  node: OnnxNode,
  place: string,
  translation: Translation,
): Operand {
  const tensors: Value[] = [];
  switch (attribute.kind) {
    case 'graphs':
      return attribute.value.length === 1
        ? attribute.value[0]!.name
        : attribute.value.map((graph) => graph.name);
    case 'tensor':
    case 'tensors': {
      const all = attribute.kind === 'tensor' ? [attribute.value] : attribute.value;
      for (const [i, tensor] of all.entries()) {
        const from = node.outputs.find((output) => output !== '') ?? node.op;
        let key = `${from}.${name}${all.length > 1 ? `.${i}` : ''}`;
        while (translation.has(key)) key += '_';
        const where = `${place} attribute ${quoted(name)}`;
        translation.content(
          key,
          contentOf(tensor, translation.source, `${translation.path}: ${where}`),
          where,
        );
        tensors.push(translation.value(key, place));
      }
      return attribute.kind === 'tensor' ? tensors[0]! : tensors;
    }
    default:
      return attribute.value;
  }
}

/** Names that the graphs of a node's attributes read and do not make themselves, each once. */
export function capturedBy(node: OnnxNode): string[] {
  const free = new Set<string>();
  for (const attribute of node.attributes.values()) {
    if (attribute.kind === 'graphs') for (const graph of attribute.value) addFree(graph, free);
  }
  return [...free];
}

function addFree(graph: OnnxGraph, free: Set<string>): void {
  const made = new Set([...graph.inputs, ...graph.initializers].map(({ name }) => name));
  for (const name of graph.sparse) made.add(name);
  const read = (name: string): void => {
    if (name !== '' && !made.has(name)) free.add(name);
  };
  for (const node of graph.nodes) {
    node.inputs.forEach(read);
    capturedBy(node).forEach(read);
    for (const name of node.outputs) made.add(name);
  }
  // Outputs may come from around the graph as they are.
  for (const { name } of graph.outputs) read(name);
}
