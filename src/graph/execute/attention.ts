/**
 * @file Attention, as torch's scaled_dot_product_attention has it: in float64 throughout, rounded once at the end.
 */
import { CrossoverError } from '../../errors.ts';
import { contiguousStrides } from '../ir/weight.ts';
import { copyStrided, type Result, type Tensor, tensorText, zeros } from './array.ts';
import { broadcastPositions, broadcastShape, broadcastTo } from './broadcast.ts';
import type { Call, Implementation } from './call.ts';
import { dot } from './products.ts';
import { softmaxRow } from './reductions.ts';

function attention(call: Call): Result {
  const query = call.tensor('query');
  const isGrouped = call.bool('grouped');
  const key = isGrouped ? repeatedHeads(call.tensor('key'), query) : call.tensor('key');
  const value = isGrouped ? repeatedHeads(call.tensor('value'), query) : call.tensor('value');
  if ([query, key, value].some(({ shape }) => shape.length < 2)) refuse(query, key, value);
  const [rows, head] = query.shape.slice(-2) as [number, number];
  const [columns, width] = value.shape.slice(-2) as [number, number];
  if (key.shape.at(-1) !== head || key.shape.at(-2) !== columns) refuse(query, key, value);

  const batches = [query, key, value].map(({ shape }) => shape.slice(0, -2));
  const batch = broadcastShape(...batches);
  const [ofQuery, ofKey, ofValue] = batches.map((one) => broadcastPositions(one, batch)) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  const scale = call.numberIf('scale') ?? 1 / Math.sqrt(head);
  const mask = maskOf(call, [...batch, rows, columns]);
  const isCausal = call.bool('causal');

  const shape = [...batch, rows, width];
  const values = zeros(shape);
  const weights = new Float64Array(columns);
  for (let i = 0; i < ofQuery.length; i++) {
    for (let row = 0; row < rows; row++) {
      const at = ofQuery[i]! * rows + row;
      for (let column = 0; column < columns; column++) {
        const product = dot(query.values, at * head, key.values, (ofKey[i]! * columns + column) * head, head);
        const added = mask?.[(i * rows + row) * columns + column] ?? 0;
        // Causal: both sequences begin together, whatever their lengths (torch's is_causal).
        weights[column] = isCausal && column > row ? -Infinity : product * scale + added;
      }
      // torch: nothing to attend to gives zeros, not the NaN of a softmax.
      if (weights.every((weight) => weight === -Infinity)) continue;
      softmaxRow(weights);
      for (let column = 0; column < columns; column++) {
        const [to, from] = [(i * rows + row) * width, (ofValue[i]! * columns + column) * width];
        const weight = weights[column]!;
        for (let k = 0; k < width; k++) values[to + k]! += weight * value.values[from + k]!;
      }
    }
  }
  return { shape, values };
}

/** What is added to the products: the mask itself, or -Infinity where a mask of truth values is false. */
function maskOf(call: Call, shape: readonly number[]): Float64Array | undefined {
  const mask = call.tensorIf('mask');
  if (!mask) return undefined;
  if (broadcastShape(mask.shape, shape).some((size, i) => size !== shape[i]))
    throw new CrossoverError(`mask ${tensorText(mask)} does not broadcast to [${shape.join(', ')}]`);
  const added = mask.dtype === 'bool' ? mask.values.map((one) => (one === 0 ? -Infinity : 0)) : mask.values;
  return broadcastTo(added, mask.shape, shape);
}

/** Each head of key or value as often as heads of the query share it, side by side. */
function repeatedHeads(tensor: Tensor, query: Tensor): Tensor {
  const [heads, own] = [query.shape.at(-3), tensor.shape.at(-3)];
  if (heads === undefined || own === undefined || own === 0 || heads % own !== 0) {
    throw new CrossoverError(
      `query ${tensorText(query)} has no multiple of the heads of ${tensorText(tensor)}, the dim before the last two`,
    );
  }
  const before = tensor.shape.slice(0, -2);
  const matrix = tensor.shape.slice(-2);
  const strides = contiguousStrides(tensor.shape);
  const spread = [...before, heads / own, ...matrix];
  const values = copyStrided(tensor.values, spread, [...strides.slice(0, -2), 0, ...strides.slice(-2)]);
  return { dtype: tensor.dtype, shape: [...before.slice(0, -1), heads, ...matrix], values };
}

function refuse(query: Tensor, key: Tensor, value: Tensor): never {
  const [a, b, c] = [query, key, value].map(tensorText);
  throw new CrossoverError(
    `query ${a}, key ${b} and value ${c} do not fit; they are [..., rows, head], [..., columns, head] and [..., columns, width]`,
  );
}

export const ATTENTION: Readonly<Record<string, Implementation>> = { attention };
