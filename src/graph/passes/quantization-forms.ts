/**
 * @file The forms that a quantization of a norm's output has in graphs, a row each. `n` is what is quantized.
 *
 * The fused operation multiplies by the reciprocal of a scale. Where a file divides, a code may differ by one step from the file's own, in the rare case
 * that the two round to different sides; the site says so.
 */
import { type Quantization, SMALLEST_SCALE } from '../../operations.ts';
import { type Node, type Operand, tensorOf, type Value } from '../ir/graph.ts';
import {
  absent,
  type Captures,
  castTo,
  either,
  exactly,
  type GraphIndex,
  maybeCast,
  named,
  number,
  oneOf,
  op,
  overRows,
  type Pattern,
  tensor,
} from './match.ts';

export interface QuantizationMatch {
  readonly quantization: Exclude<Quantization, 'none'>;
  readonly n: Value;
  /** Of static and NVFP4 quantization. */
  readonly scale: number | undefined;
  readonly codes: Value;
  /** A scale a token, or a block; absent where nothing in the graph is that. */
  readonly scales: Value | undefined;
  /** What to know beside it, a sentence each. */
  readonly notes: readonly string[];
}

const DIVIDES =
  'the graph divides by the scale, the kernel multiplies by its reciprocal: a code may differ by one step';

/**
 * Largest bound from below of scales, or of magnitudes, that is left out: it is there against a division by zero. A larger one would change the codes of
 * rows that models have.
 */
const LARGEST_LEAST = 1e-4;
/** Below this, only rows of zeros meet the bound, and their codes are zero either way. */
const TINY_LEAST = 1e-9;

const wide = castTo('f32', tensor('n'));
const clamped = (inner: Pattern, least: number, most: number): Pattern =>
  oneOf(
    op('clamp', { x: inner, min: exactly(least), max: exactly(most) }),
    op('minimum', { a: op('maximum', { a: inner, b: exactly(least) }), b: exactly(most) }),
    op('maximum', { a: op('minimum', { a: inner, b: exactly(most) }), b: exactly(least) }),
  );
const to = (dtype: 'f8e4m3' | 'i8', inner: Pattern): Pattern => {
  const cast = op('cast', { x: inner });
  return (operand, found, graph) =>
    tensorOf(operand)?.dtype === dtype ? cast(operand, found, graph) : undefined;
};
/** A scale a row: the largest magnitude over the largest code, perhaps kept from being zero. */
const tokenScales = (largestCode: number): Pattern => {
  const bounded = (inner: Pattern): Pattern =>
    oneOf(op('clamp', { x: inner, min: number('least'), max: absent }), inner);
  const magnitude = overRows('amax', op('abs', { x: oneOf(wide, tensor('n')) }));
  const most = bounded(maybeCast(bounded(magnitude)));
  return named(
    'scales',
    bounded(
      oneOf(
        op('div', { a: most, b: exactly(largestCode) }),
        either('mul', most, exactly(1 / largestCode, 1e-6)),
      ),
    ),
  );
};
const byScales = (largestCode: number): Pattern => {
  const scales = tokenScales(largestCode);
  return oneOf(
    either('mul', wide, op('reciprocal', { x: scales })),
    either('mul', wide, op('div', { a: exactly(1), b: scales })),
    named('quotient', op('div', { a: wide, b: scales })),
  );
};

interface Form {
  readonly quantization: 'f8e4m3_static' | 'f8e4m3_token' | 'i8_token';
  readonly pattern: Pattern;
}

/** Matched against the codes. */
const FORMS: readonly Form[] = [
  { quantization: 'f8e4m3_token', pattern: to('f8e4m3', clamped(byScales(448), -448, 448)) },
  { quantization: 'i8_token', pattern: to('i8', clamped(op('round', { x: byScales(127) }), -128, 127)) },
  {
    quantization: 'f8e4m3_static',
    pattern: to(
      'f8e4m3',
      clamped(
        oneOf(
          either('mul', wide, op('reciprocal', { x: number('scale') })),
          either('mul', wide, number('inverse')),
          named('quotient', op('div', { a: wide, b: number('scale') })),
        ),
        -448,
        448,
      ),
    ),
  },
];

/** The quantization that a node ends, or undefined. */
export function matchQuantization(node: Node, graph: GraphIndex): QuantizationMatch | undefined {
  const codes = node.outputs[0]!;
  if (node.op.startsWith('quantize_')) return readQuantization(node, graph);
  if (node.op !== 'cast') return undefined;
  for (const { quantization, pattern } of FORMS) {
    const found = pattern(codes, new Map(), graph);
    if (!found) continue;
    const scale = scaleOf(found);
    const scales = found.get('scales') as Value | undefined;
    const least = found.get('least') ?? 0;
    if (quantization === 'f8e4m3_static' && !isScale(scale)) continue;
    // Scales that are rounded to another dtype are other scales.
    if ((scales && tensorOf(scales)?.dtype !== 'f32') || Number(least) > LARGEST_LEAST) continue;
    const notes = [
      ...(found.has('quotient') ? [DIVIDES] : []),
      ...(Number(least) > TINY_LEAST ? [bounds(Number(least))] : []),
    ];
    return { quantization, n: found.get('n') as Value, scale, codes, scales, notes };
  }
  return undefined;
}

function bounds(least: number): string {
  return `the graph bounds scales by ${least} from below, the kernel does not: rows small enough to meet the bound get other codes`;
}

/** Whether kernels take it: positive, and with a reciprocal that float32 can hold. */
function isScale(scale: number | undefined): scale is number {
  return scale !== undefined && scale >= SMALLEST_SCALE && Number.isFinite(Math.fround(scale));
}

/** The scale whose reciprocal is multiplied; undefined where that is not to be had exactly. */
function scaleOf(found: Captures): number | undefined {
  const inverse = found.get('inverse');
  if (typeof inverse !== 'number') return found.get('scale') as number | undefined;
  const scale = Math.fround(1 / inverse);
  return Math.fround(1 / scale) === Math.fround(inverse) ? scale : undefined;
}

function readQuantization(node: Node, graph: GraphIndex): QuantizationMatch | undefined {
  const n = node.operands.x as Value;
  const [codes, scales] = node.outputs as [Value, Value | undefined];
  const common = { n, codes, scales, notes: [] };
  const scale = graph.number(node.operands.scale ?? (null as Operand));
  const dtype = tensorOf(codes)?.dtype;
  switch (node.op) {
    case 'quantize_token':
      if (dtype !== 'f8e4m3' && dtype !== 'i8') return undefined;
      return { ...common, quantization: dtype === 'i8' ? 'i8_token' : 'f8e4m3_token', scale: undefined };
    case 'quantize_static':
      if (dtype !== 'f8e4m3' || !isScale(scale)) return undefined;
      return { ...common, quantization: 'f8e4m3_static', scale };
    case 'quantize_nvfp4':
      return isScale(scale) ? { ...common, quantization: 'nvfp4', scale } : undefined;
    default:
      return undefined;
  }
}
