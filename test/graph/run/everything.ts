/** @file A graph of every operation that engines run through the communicator, and its inputs; the test and the program that it launches share it. */
import { GraphBuilder } from '../../../dist/graph/build/builder.js';
import type { Graph, Operand, Value } from '../../../dist/graph/ir/graph.js';
import { type TensorType, tensorType } from '../../../dist/graph/ir/type.js';
import { QUANTIZATIONS } from '../../../dist/operations.js';

export const TOKENS = 5;
const HIDDEN = 48;
const EPSILON = 1e-5;
const SCALE = 0.02;

/** From -2 to 2, other ones on every rank but for what is the same on all. */
export function inputOf(name: string, rank: number): number[] {
  const [seed, count] = { x: [1 + rank, TOKENS], residual: [11, TOKENS], weight: [23, 1] }[name] as [
    number,
    number,
  ];
  return Array.from(
    { length: count * HIDDEN },
    (_, i) => Math.round(Math.sin(seed * 7.3 + i * 1.9) * 64) / 32,
  );
}

export function everything(ranks: number): Graph {
  const g = new GraphBuilder('everything');
  const tokens = g.symbol('tokens');
  const x = g.input('x', 'bf16', [tokens, HIDDEN]);
  const residual = g.input('residual', 'bf16', [tokens, HIDDEN]);
  const weight = g.input('weight', 'bf16', [HIDDEN]);
  const made: Value[] = [];
  const row = tensorType('bf16', [tokens, HIDDEN]);
  const node = (
    op: string,
    operands: Readonly<Record<string, Operand>>,
    types: readonly TensorType[],
  ): void => {
    made.push(...g.node(op, operands, types));
  };
  // The operand of a fused operation may be overwritten, so that each has its own.
  const own = (by: number): Value => g.add(x, g.allReduce(g.add(x, x), by === 0 ? 'sum' : 'max'));
  const norm = { weight, epsilon: EPSILON };
  made.push(
    g.rmsNorm(x, weight, { epsilon: EPSILON, castBeforeWeight: true }),
    g.rmsNorm(x, null, { epsilon: EPSILON }),
  );
  node('add_rms_norm', { x, residual, ...norm, weight_bias: 1, cast_before_weight: false }, [row, row]);
  for (const reduce of ['sum', 'max', 'avg'] as const) made.push(g.allReduce(g.add(x, residual), reduce));
  made.push(g.allGather(x, ranks), g.reduceScatter(g.allGather(x, ranks), ranks));
  node('broadcast', { x: g.add(x, x), root: ranks - 1, group: '' }, [row]);
  for (const quantization of QUANTIZATIONS) {
    const codes = codesOf(quantization, tokens);
    if (quantization !== 'none') {
      const { codes: of, scales } = g.quantize(x, quantization, SCALE);
      made.push(of, ...(scales ? [scales] : []));
    }
    const isScaled = quantization === 'f8e4m3_static' || quantization === 'nvfp4';
    for (const [i, added] of [residual, null].entries()) {
      node(
        'all_reduce_rms_norm',
        {
          x: own(i),
          ...(added && { residual: added }),
          ...norm,
          weight_bias: i,
          cast_before_weight: i === 0,
          quantization,
          ...(isScaled && { scale: SCALE }),
          group: '',
        },
        [row, row, ...codes],
      );
    }
  }
  return g.build(made);
}

function codesOf(quantization: (typeof QUANTIZATIONS)[number], tokens: string | number): TensorType[] {
  switch (quantization) {
    case 'none':
      return [];
    case 'f8e4m3_static':
      return [tensorType('f8e4m3', [tokens, HIDDEN])];
    case 'nvfp4':
      return [tensorType('e2m1x2', [tokens, HIDDEN / 2]), tensorType('f8e4m3', [tokens, HIDDEN / 16])];
    default:
      return [
        tensorType(quantization === 'i8_token' ? 'i8' : 'f8e4m3', [tokens, HIDDEN]),
        tensorType('f32', [tokens, 1]),
      ];
  }
}
