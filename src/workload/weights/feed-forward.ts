/**
 * @file Weights of feed-forward parts on a rank: dense ones, and experts stacked into one weight a matrix.
 */
import { type LayerWeights, projection } from './layer.ts';
import { type Block, columnsOf, type PlannedWeight, rowsOf, tensorWeight } from './planned.ts';

export function denseWeights({ config, split, rank, prefix }: LayerWeights): PlannedWeight[] {
  return gated({ split, rank, hidden: config.hidden }, `${prefix}.mlp`, config.inner, split.inner);
}

export function expertWeights(layer: LayerWeights): PlannedWeight[] {
  const { config, split, rank, prefix } = layer;
  const { hidden } = config;
  const { experts, inner, sharedInner } = config.moe!;
  const { expertCount: count, expertInner: own } = split;
  const at = `${prefix}.mlp`;
  const firstExpert = count === experts ? 0 : rank * count;
  const firstColumn = own === inner ? 0 : rank * own;
  const stacked = (blocks: (prefix: string) => Block[]): Block[] =>
    Array.from({ length: count }, (_, i) => blocks(`${at}.experts.${firstExpert + i}`)).flat();
  const gate = `${at}.gate.weight`;
  return [
    tensorWeight(
      gate,
      'bf16',
      [experts, hidden],
      [rowsOf(gate, [experts, hidden], 0, experts)],
      1 / Math.sqrt(hidden),
    ),
    tensorWeight(
      `${at}.experts.gate_up_proj`,
      'bf16',
      [count, 2 * own, hidden],
      stacked((expert) => gateAndUp(expert, [inner, hidden], firstColumn, own)),
      1 / Math.sqrt(hidden),
    ),
    tensorWeight(
      `${at}.experts.down_proj`,
      'bf16',
      [count, hidden, own],
      stacked((expert) => [columnsOf(`${expert}.down_proj.weight`, [hidden, inner], firstColumn, own)]),
      1 / Math.sqrt(inner),
    ),
    ...(sharedInner === 0
      ? []
      : gated({ split, rank, hidden }, `${at}.shared_experts`, sharedInner, split.sharedInner)),
  ];
}

function gated(
  { split, rank, hidden }: Pick<LayerWeights, 'split' | 'rank'> & { readonly hidden: number },
  at: string,
  inner: number,
  own: number,
): PlannedWeight[] {
  const down = `${at}.down_proj.weight`;
  const blocks = gateAndUp(at, [inner, hidden], rank * own, own);
  const downBlock = columnsOf(down, [hidden, inner], rank * own, own);
  return [
    ...projection(split, `${at}.gate_up_proj.weight`, [2 * own, hidden], blocks, hidden),
    ...projection(split, down, [hidden, own], [downBlock], inner),
  ];
}

function gateAndUp(at: string, shape: readonly [number, number], row: number, rows: number): Block[] {
  return ['gate_proj', 'up_proj'].map((name) => rowsOf(`${at}.${name}.weight`, shape, row, rows));
}
