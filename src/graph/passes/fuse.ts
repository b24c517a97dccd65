/**
 * @file Puts the fused operation in place of the chains at sites. What else read the sum, the norm or the codes reads them from the fused operation.
 */
import { type Graph, isValue, type Node, type Operand, tensorOf, type Value } from '../ir/graph.ts';
import { type Dim, sameShape, type TensorType, tensorType } from '../ir/type.ts';
import { rewrite } from './rewrite.ts';
import type { Site } from './sites.ts';

/** The graph with these sites fused. @throws CrossoverError when the result is no graph, which would be a fault of this pass */
export function fuse(graph: Graph, sites: readonly Site[]): Graph {
  const substitutes = new Map<Value, Value>();
  const inserted = new Map<Node, readonly Node[]>();
  const shapes = shapeOperands(graph);
  const fresh = unusedNames(graph);
  // One site's sum may be another's residual: its substitute is what the other has to read.
  for (const site of sites) {
    const { nodes, end } = fusedNodes(site, graph, substitutes, { shapes, fresh });
    inserted.set(end, [...(inserted.get(end) ?? []), ...nodes]);
  }
  const newer = (operand: Operand): Operand =>
    isValue(operand) ? (substitutes.get(operand) ?? operand) : operand;
  const chained = new Map(
    [...inserted].map(([end, nodes]) => [
      end,
      nodes.map((node) => ({
        ...node,
        operands: Object.fromEntries(
          Object.entries(node.operands).map(([name, operand]) => [name, newer(operand)]),
        ),
      })),
    ]),
  );
  return rewrite(graph, { substitutes, inserted: chained }, 'fusing');
}

/** Whether every view that fusing this site needs can be written. */
export function canFuse(site: Site, graph: Graph): boolean {
  const shapes = shapeOperands(graph);
  const rows = (site.sum.type as TensorType).shape;
  const others = [
    tensorOf(site.allReduce.operands.x)!.shape,
    tensorOf(site.norm.out)!.shape,
    ...site.quantizations.flatMap(({ codes, scales }) =>
      [codes, scales].flatMap((one) => tensorOf(one)?.shape ?? []),
    ),
  ] as (readonly Dim[])[];
  return [rows, ...others.filter((shape) => Array.isArray(shape))].every(
    (shape) => shapeOperand(shape, shapes) !== undefined,
  );
}

/** Shape operands of reshapes in the graph, by the shape they give: a shape with several symbols can be borrowed only. */
type ShapeOperands = ReadonlyMap<string, Operand>;

function shapeOperands(graph: Graph): ShapeOperands {
  return new Map(
    graph.nodes
      .filter(({ op }) => op === 'reshape')
      .map((node) => [String(tensorOf(node.outputs[0])?.shape), node.operands.shape!]),
  );
}

function shapeOperand(shape: readonly Dim[], known: ShapeOperands): Operand | undefined {
  const symbols = shape.filter((dim) => typeof dim === 'string');
  if (symbols.length > 1) return known.get(String(shape));
  return shape.map((dim) => (typeof dim === 'string' ? -1 : dim));
}

function fusedNodes(
  site: Site,
  graph: Graph,
  substitutes: Map<Value, Value>,
  { shapes, fresh }: { shapes: ShapeOperands; fresh: (name: string) => string },
): { nodes: Node[]; end: Node } {
  const { allReduce, residual, sum, norm, quantizations } = site;
  const [quantization] = quantizations;
  const { origin } = allReduce;
  const end = graph.nodes.find(({ outputs }) => outputs.includes(sum))!;
  const rows = sum.type as TensorType;
  const nodes: Node[] = [];
  const view = (x: Value, out: Value): Value => {
    const shape = shapeOperand((out.type as TensorType).shape, shapes)!;
    nodes.push({ op: 'reshape', operands: { x, shape }, outputs: [out], origin });
    return out;
  };
  const input = allReduce.operands.x as Value;
  const fits = sameShape((input.type as TensorType).shape, rows.shape);
  const x = fits ? input : view(input, { name: fresh(`${sum.name}_input`), type: rows });

  const make = (name: string, type: TensorType): Value => ({ name, type });
  // A value in the rows' shape, and the node's own in the shape that the graph has.
  const after: Node[] = [];
  const give = (old: Value, shape: readonly Dim[]): Value => {
    const type = old.type as TensorType;
    if (sameShape(type.shape, shape)) {
      const value = make(old.name, type);
      substitutes.set(old, value);
      return value;
    }
    const value = make(fresh(`${old.name}_rows`), tensorType(type.dtype, shape));
    const out = make(old.name, type);
    after.push({
      op: 'reshape',
      operands: { x: value, shape: shapeOperand(type.shape, shapes)! },
      outputs: [out],
      origin,
    });
    substitutes.set(old, out);
    return value;
  };
  const outputs = [give(norm.out, rows.shape), give(sum, rows.shape)];
  if (quantization) {
    const lead = rows.shape.slice(0, -1);
    const last = (value: Value): Dim => tensorOf(value)!.shape.at(-1) ?? 1;
    outputs.push(give(quantization.codes, [...lead, last(quantization.codes)]));
    if (quantization.scales) outputs.push(give(quantization.scales, [...lead, last(quantization.scales)]));
    else if (quantization.quantization !== 'f8e4m3_static')
      outputs.push(make(fresh(`${quantization.codes.name}_scales`), tensorType('f32', [...lead, 1])));
    for (const other of quantizations.slice(1))
      share(other.codes, quantization.codes, other.scales, quantization.scales, substitutes);
  }
  nodes.push({
    op: 'all_reduce_rms_norm',
    operands: {
      x,
      residual: residual ?? null,
      weight: norm.weight ?? null,
      epsilon: norm.epsilon,
      weight_bias: norm.weightBias,
      cast_before_weight: norm.castBeforeWeight,
      quantization: quantization?.quantization ?? 'none',
      scale: quantization?.scale ?? null,
      group: allReduce.operands.group!,
    },
    outputs,
    origin,
  });
  return { nodes: [...nodes, ...after], end };
}

/** Names that nothing has: the wanted one, or with a number. */
function unusedNames(graph: Graph): (name: string) => string {
  const used = new Set([
    ...graph.inputs.map(({ value }) => value.name),
    ...graph.nodes.flatMap(({ outputs }) => outputs.map(({ name }) => name)),
  ]);
  return (name) => {
    let unique = name;
    for (let i = 1; used.has(unique); i++) unique = `${name}_${i}`;
    used.add(unique);
    return unique;
  };
}

/** Equal codes are made once. */
function share(
  codes: Value,
  firstCodes: Value,
  scales: Value | undefined,
  firstScales: Value | undefined,
  substitutes: Map<Value, Value>,
): void {
  const same = (a: Value, b: Value): boolean =>
    sameShape((a.type as TensorType).shape, (b.type as TensorType).shape);
  if (same(codes, firstCodes)) substitutes.set(codes, substitutes.get(firstCodes)!);
  if (scales && firstScales && same(scales, firstScales))
    substitutes.set(scales, substitutes.get(firstScales)!);
}
