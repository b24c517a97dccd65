/**
 * @file Parts that differ between ranks, as data-parallel attention has them: padded to the largest and in the heap, or as they are and outside.
 *
 * Padding moves more bytes between ranks, and every algorithm serves it; leaving it out copies the whole through the heap and serves fewer. Which is
 * faster is measured, where the plan has both. Without, the tensor is padded when that adds at most as many bytes as copying the whole takes, so up
 * to twice the sum: the rule by which SGLang chooses between its MAX_LEN and SUM_LEN.
 */
import type { Mode } from '../../operations.ts';
import { explain } from '../../plan/explain.ts';
import type { PlanKey } from '../../plan/key.ts';
import type { PlanIndex } from '../../plan/lookup.ts';
import { DTYPES, type DType } from '../../tensor/dtype.ts';
import { formatBytes, formatMicroseconds } from '../../units.ts';
import { type Node, tensorOf } from '../ir/graph.ts';
import type { GraphDType, TensorType } from '../ir/type.ts';
import type { Bounds } from './bounds.ts';
import type { PartsDecision } from './placement.ts';

export interface Measured {
  readonly plan: PlanIndex;
  readonly mode: Mode;
}

/** Decides for a node. Undefined where it has no parts, where they are equal, or where they have no bound. */
export function decideParts(
  node: Node,
  bounds: Bounds,
  measured: Measured | undefined,
): PartsDecision | undefined {
  const part = partOf(node);
  const parts = part && bounds.byRank(part);
  if (!parts) return undefined;
  const worldSize = parts.length;
  const paddedBytes = worldSize * Math.max(...parts);
  const summedBytes = parts.reduce((sum, bytes) => sum + bytes, 0);
  const paddedUs = measured && timeOf(measured, node.op, part.dtype, worldSize, true, paddedBytes);
  const outsideUs = measured && timeOf(measured, node.op, part.dtype, worldSize, false, summedBytes);
  const shown = `parts of ${listed(parts)} are ${formatBytes(paddedBytes)} padded, ${formatBytes(summedBytes)} as they are`;
  const common = { parts, paddedBytes, summedBytes };
  if (paddedUs !== undefined && outsideUs !== undefined) {
    const layout = paddedUs <= outsideUs ? 'padded' : 'left out';
    const why =
      `${shown}: measured ${formatMicroseconds(paddedUs)} padded in the heap, ` +
      `${formatMicroseconds(outsideUs)} as they are outside of it`;
    return { layout, basis: 'measured', paddedUs, outsideUs, why, ...common };
  }
  const added = paddedBytes - summedBytes;
  const layout = added <= summedBytes ? 'padded' : 'left out';
  const why = `${shown}: padding adds ${formatBytes(added)}, outside the heap ${formatBytes(summedBytes)} would be copied; not measured`;
  return { layout, basis: 'bytes', paddedUs, outsideUs, why, ...common };
}

/** Type of what one rank gives or gets. */
function partOf(node: Node): TensorType | undefined {
  if (node.op === 'all_gather') return tensorOf(node.operands.x);
  return node.op === 'reduce_scatter' ? tensorOf(node.outputs[0]) : undefined;
}

/** Expected time of an operation, us; undefined where this very kind of buffers was not measured. */
function timeOf(
  { plan, mode }: Measured,
  operation: string,
  dtype: GraphDType,
  worldSize: number,
  registered: boolean,
  bytes: number,
): number | undefined {
  if ((operation !== 'all_gather' && operation !== 'reduce_scatter') || !isPlanned(dtype)) return undefined;
  const key: PlanKey = { operation, dtype, worldSize, mode, registered };
  // A plan without buffers outside the heap answers with those inside, which says nothing about the copies.
  if (plan.entry(key)?.entry.key.registered !== registered) return undefined;
  return explain(plan, key, bytes).us;
}

function isPlanned(dtype: GraphDType): dtype is DType & GraphDType {
  return (DTYPES as readonly string[]).includes(dtype);
}

function listed(parts: readonly number[]): string {
  const shown = parts.slice(0, 8).map(formatBytes).join(', ');
  return parts.length > 8 ? `${shown}, ...` : shown;
}
