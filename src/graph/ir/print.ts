/**
 * @file A graph as people read it: a line a node, in the order in which they run.
 *
 *   graph block(%x: bf16[tokens, 4096], %w: bf16[4096] = weight "norm.weight")
 *     %sum = all_reduce(x: %x, reduce: "sum", group: "tp") : bf16[tokens, 4096]   # layers.0.o_proj
 *     give %sum
 */
import { type Graph, isValue, type Node, type Operand } from './graph.ts';
import { typeText } from './type.ts';

export function printGraph(graph: Graph): string {
  const symbols = [...graph.symbols].map(([name, { min, max }]) => `  ${name}: ${min} to ${max}`);
  const inputs = graph.inputs.map(
    ({ value, weight }) =>
      `  %${value.name}: ${typeText(value.type)}${weight === undefined ? '' : ` = weight ${JSON.stringify(weight)}`}`,
  );
  return [
    `graph ${graph.name}`,
    ...(symbols.length > 0 ? ['symbols', ...symbols] : []),
    'inputs',
    ...inputs,
    'nodes',
    ...graph.nodes.map((node) => `  ${printNode(node)}`),
    `give ${graph.outputs.map(printOperand).join(', ')}`,
  ].join('\n');
}

export function printNode({ op, operands, outputs, origin }: Node): string {
  const given = Object.entries(operands).map(([name, operand]) => `${name}: ${printOperand(operand)}`);
  const made = outputs.map(({ name }) => `%${name}`).join(', ');
  const types = outputs.map(({ type }) => typeText(type)).join(', ');
  return (
    `${made === '' ? '' : `${made} = `}${op}(${given.join(', ')})` +
    `${types === '' ? '' : ` : ${types}`}${origin === '' ? '' : `   # ${origin}`}`
  );
}

function printOperand(operand: Operand): string {
  if (isValue(operand)) return `%${operand.name}`;
  if (Array.isArray(operand)) return `[${operand.map(printOperand).join(', ')}]`;
  return typeof operand === 'number' ? String(operand) : JSON.stringify(operand);
}
