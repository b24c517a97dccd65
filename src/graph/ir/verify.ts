/**
 * @file Checks that a graph is one: every value made once and before it is read, every operation that is understood given what it asks for,
 * types that agree, and no cache read behind what was appended to it. Runs after every pass; what it throws is a pass's fault, or a file's.
 */
import { CrossoverError } from '../../errors.ts';
import { cacheProblem } from './caches.ts';
import {
  type Graph,
  inputsOf,
  isValue,
  type Node,
  type Operand,
  tensorOf,
  type Value,
  valuesIn,
} from './graph.ts';
import type { OperandKind } from './operation-info.ts';
import { OPERATIONS } from './operations.ts';
import { typeProblem } from './rules.ts';
import { modelProblem } from './rules-model.ts';
import { typeText } from './type.ts';

/** @param after what was done to the graph last, for the message @throws CrossoverError that names the node and what is wrong with it */
export function verify(graph: Graph, after = 'importing'): void {
  const problem = firstProblem(graph);
  if (problem !== undefined)
    throw new CrossoverError(`graph ${graph.name} is wrong after ${after}: ${problem}`);
}

function firstProblem(graph: Graph): string | undefined {
  const known = new Set<Value>();
  const names = new Set<string>();
  const define = (value: Value, where: string): string | undefined => {
    if (known.has(value)) return `${where} makes %${value.name}, which is there already`;
    if (names.has(value.name)) return `${where} makes a second value with the name %${value.name}`;
    known.add(value);
    names.add(value.name);
    return undefined;
  };
  for (const { value } of graph.inputs) {
    const problem = define(value, 'an input');
    if (problem) return problem;
  }
  for (const node of graph.nodes) {
    for (const value of inputsOf(node)) {
      if (!known.has(value)) return `${nodeText(node)} reads %${value.name}, which nothing before it makes`;
    }
    for (const value of node.outputs) {
      const problem = define(value, nodeText(node));
      if (problem) return problem;
    }
    const problem = operandProblem(node);
    if (problem) return `${nodeText(node)}: ${problem}`;
  }
  for (const operand of graph.outputs) {
    for (const value of valuesIn(operand)) {
      if (!known.has(value)) return `the graph gives %${value.name}, which nothing makes`;
    }
  }
  return cacheProblem(graph, nodeText);
}

/** `%add = add at model.layers.0`. */
export function nodeText({ op, outputs, origin }: Node): string {
  const made = outputs.map(({ name }) => `%${name}`).join(', ');
  return `${made === '' ? '' : `${made} = `}${op}${origin === '' ? '' : ` at ${origin}`}`;
}

/** What is wrong with a node of an operation that is understood; of others, nothing is known. */
function operandProblem(node: Node): string | undefined {
  const info = Object.hasOwn(OPERATIONS, node.op) ? OPERATIONS[node.op] : undefined;
  if (!info) return undefined;
  for (const name of Object.keys(node.operands)) {
    if (!Object.hasOwn(info.operands, name))
      return `there is no operand "${name}"; there are ${Object.keys(info.operands).join(', ')}`;
  }
  for (const [name, full] of Object.entries(info.operands)) {
    const operand = node.operands[name];
    const isOptional = full.endsWith('?');
    if (operand === undefined || operand === null) {
      if (!isOptional) return `operand "${name}" is missing`;
    } else {
      const kind = (isOptional ? full.slice(0, -1) : full) as OperandKind;
      if (!fits(operand, kind))
        return `operand "${name}" is ${operandText(operand)}, and must be ${WANTED[kind]}`;
    }
  }
  const [least, most] = info.outputs;
  if (node.outputs.length < least || node.outputs.length > most)
    return `there are ${node.outputs.length} outputs, and must be ${least === most ? least : `${least} to ${most}`}`;
  const scalar = node.outputs.find(({ type }) => type.kind !== 'tensor');
  if (scalar && node.op !== 'size')
    return `output %${scalar.name} is ${typeText(scalar.type)}, and must be a tensor`;
  return typeProblem(node, info.rule) ?? modelProblem(node);
}

const WANTED: Record<OperandKind, string> = {
  tensor: 'a tensor',
  tensors: 'a list of tensors',
  operand: 'a tensor or a number',
  number: 'a number',
  int: 'a whole number',
  ints: 'a list of whole numbers',
  bool: 'true or false',
  text: 'a text',
  indices: 'a list of tensors and nulls',
};

function fits(operand: Operand, kind: OperandKind): boolean {
  switch (kind) {
    case 'tensor':
      return tensorOf(operand) !== undefined;
    case 'tensors':
      return Array.isArray(operand) && operand.length > 0 && operand.every((one) => tensorOf(one));
    case 'operand':
      return tensorOf(operand) !== undefined || fits(operand, 'number');
    case 'number':
      return typeof operand === 'number' || typeof operand === 'boolean' || isScalar(operand);
    case 'int':
      // Bounds of slices may be as far away as 2^63.
      return (typeof operand === 'number' && Number.isInteger(operand)) || isScalar(operand);
    case 'ints':
      return Array.isArray(operand) && operand.every((one) => fits(one, 'int'));
    case 'bool':
      return typeof operand === 'boolean' || isScalar(operand);
    case 'text':
      return typeof operand === 'string';
    case 'indices':
      return Array.isArray(operand) && operand.every((one) => one === null || tensorOf(one));
    default:
      return kind satisfies never;
  }
}

function isScalar(operand: Operand): boolean {
  return isValue(operand) && operand.type.kind !== 'tensor' && operand.type.kind !== 'opaque';
}

function operandText(operand: Operand): string {
  if (isValue(operand)) return `%${operand.name}: ${typeText(operand.type)}`;
  return Array.isArray(operand) ? 'a list' : JSON.stringify(operand);
}
