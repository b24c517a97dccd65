/**
 * @file The fusion pass on chains made by hand: every spelling is found, whatever stands in between; and with one thing changed it is not, and the
 * reason names that thing.
 */
import { expect, test } from 'vitest';
import type { GraphBuilder } from '../../../dist/graph/build/builder.js';
import { trace } from '../../../dist/graph/build/trace.js';
import type { Graph, Value } from '../../../dist/graph/ir/graph.js';
import { optimize } from '../../../dist/graph/optimize.js';
import { formOf } from '../../../dist/graph/passes/sites.js';
import {
  type Chain,
  chainInputs,
  NORM_SPELLINGS,
  type NormSpelling,
  QUANTIZATION_SPELLINGS,
  type QuantizationSpelling,
} from '../support/chains.ts';

const EVERYTHING = { fusionCapBytes: Number.POSITIVE_INFINITY, worldSize: 2 };
const DTYPES = ['bf16', 'f16', 'f32'] as const;
const SPELLINGS = Object.keys(NORM_SPELLINGS) as NormSpelling[];
const QUANTIZATIONS = Object.keys(QUANTIZATION_SPELLINGS) as QuantizationSpelling[];

/** Operations of a graph in which everything that can be is fused, by name. */
function fusedOps(graph: Graph): string[] {
  const { variants, misses } = optimize(graph, EVERYTHING);
  expect(misses).toEqual([]);
  expect(variants).toHaveLength(1);
  return variants[0]!.graph.nodes.map(({ op }) => op);
}

function only(graph: Graph): { form: string; reasons: string[] } {
  const { decisions, misses } = optimize(graph, EVERYTHING);
  return {
    form: decisions.map(({ site }) => formOf(site)).join('; '),
    reasons: misses.map(({ reason }) => reason),
  };
}

/** A chain of bf16 rows whose last value `body` makes from inputs. */
function chain(
  body: (g: GraphBuilder, inputs: Chain) => readonly Value[],
  dtype: 'f32' | 'bf16' = 'bf16',
): Graph {
  return trace('chain', (g) => body(g, chainInputs(g, dtype, [g.symbol('tokens'), 64])));
}

for (const dtype of DTYPES) {
  test.each(SPELLINGS)(`${dtype}, %s: alone and with a residual on either side`, (spelling) => {
    for (const order of ['none', 'left', 'right']) {
      const graph = trace('chain', (g) => {
        const { x, residual, weight } = chainInputs(g, dtype, [g.symbol('tokens'), 64]);
        const y = g.allReduce(x);
        const h = order === 'none' ? y : order === 'left' ? g.add(residual, y) : g.add(y, residual);
        return [NORM_SPELLINGS[spelling](g, h, weight), h];
      });
      expect(fusedOps(graph), order).toEqual(['all_reduce_rms_norm']);
    }
  });
}

test.each(QUANTIZATIONS)('%s behind the norm', (spelling) => {
  const [name, quantize] = QUANTIZATION_SPELLINGS[spelling];
  for (const alsoPlain of [false, true]) {
    const graph = chain((g, { x, residual, weight }) => {
      const h = g.add(residual, g.allReduce(x));
      const norm = NORM_SPELLINGS.llama(g, h, weight);
      const { codes, scales }: { codes: Value; scales?: Value } = quantize(g, norm);
      return [codes, ...(scales ? [scales] : []), h, ...(alsoPlain ? [norm] : [])];
    });
    expect(fusedOps(graph)).toEqual(['all_reduce_rms_norm']);
    const [node] = optimize(graph, EVERYTHING).variants[0]!.graph.nodes;
    expect(node!.operands).toMatchObject({ quantization: name });
  }
});

test('a graph that divides by the scale is told that codes may differ', () => {
  const graph = chain((g, { x, weight }) => {
    const norm = g.rmsNorm(g.allReduce(x), weight);
    return [QUANTIZATION_SPELLINGS['static, divided'][1](g, norm).codes];
  });
  expect(optimize(graph, EVERYTHING).decisions[0]!.site.notes).toEqual([
    'the graph divides by the scale, the kernel multiplies by its reciprocal: a code may differ by one step',
  ]);
});

test('several consumers quantize alike: codes are made once; another scale stays', () => {
  const graph = chain((g, { x, weight }) => {
    const norm = g.rmsNorm(g.allReduce(x), weight);
    const codes = [1, 1, 2].map((scale) => g.quantize(norm, 'f8e4m3_static', scale).codes);
    return [...codes, norm];
  });
  expect(fusedOps(graph)).toEqual(['all_reduce_rms_norm', 'quantize_static']);
  const { site } = optimize(graph, EVERYTHING).decisions[0]!;
  expect(site.quantizations).toHaveLength(2);
  expect(site.notes).toEqual(['1 more quantization of the norm, by other scales, stay as they are']);
});

test('views in between, of rows as they are', () => {
  const graph = trace('views', (g) => {
    const tokens = g.symbol('tokens');
    const x = g.input('x', 'bf16', [2, tokens, 64]);
    const residual = g.input('residual', 'bf16', ['2*tokens', 64]);
    const y = g.reshape(g.allReduce(x), ['2*tokens', 64]);
    const h = g.add(residual, y);
    const norm = g.rmsNorm(g.reshape(h, [tokens, 2, 64]), null);
    return [g.quantize(g.reshape(norm, ['2*tokens', 64]), 'f8e4m3_token').codes, h];
  });
  expect(fusedOps(graph).sort()).toEqual(['all_reduce_rms_norm', 'reshape']);
});

test('sums that travel on: two layers, the sum of one is the residual of the next, and the last is dead', () => {
  const graph = chain((g, { x, residual, weight }) => {
    let h = residual;
    let y = x;
    for (let layer = 0; layer < 3; layer++) {
      g.scope(`layers.${layer}`, () => {
        h = g.add(h, g.allReduce(y));
        y = NORM_SPELLINGS.llama(g, h, weight);
      });
    }
    return [y];
  });
  expect(fusedOps(graph)).toEqual(['all_reduce_rms_norm', 'all_reduce_rms_norm', 'all_reduce_rms_norm']);
});

test('a scaled residual is a residual like any other', () => {
  const graph = chain((g, { x, residual, weight }) => [
    g.rmsNorm(g.add(g.mul(residual, 0.22), g.allReduce(x)), weight),
  ]);
  expect(fusedOps(graph)).toEqual(['mul', 'all_reduce_rms_norm']);
});

test('a weight that is made later, and reads nothing of the sum', () => {
  const graph = chain((g, { x, residual, weight }) => {
    const h = g.add(residual, g.allReduce(x));
    const late = g.mul(g.mul(weight, 2), 0.5);
    return [g.rmsNorm(h, late), h];
  });
  expect(fusedOps(graph)).toEqual(['mul', 'mul', 'all_reduce_rms_norm']);
});

test('add_rms_norm, the all-reduced on either side', () => {
  for (const swapped of [false, true]) {
    const graph = chain((g, { x, residual, weight }) => {
      const y = g.allReduce(x);
      const { norm, sum } = swapped ? g.addRmsNorm(residual, y, weight) : g.addRmsNorm(y, residual, weight);
      return [norm, sum];
    });
    expect(fusedOps(graph)).toEqual(['all_reduce_rms_norm']);
  }
});

const norm = NORM_SPELLINGS.llama;
const CHANGED: readonly [
  change: string,
  reason: RegExp,
  body: (g: GraphBuilder, inputs: Chain) => readonly Value[],
][] = [
  [
    'the all-reduced is scaled',
    /^its result is scaled before the residual is added \(mul %mul\)/,
    (g, { x, residual, weight }) => [norm(g, g.add(residual, g.mul(g.allReduce(x), 0.22)), weight)],
  ],
  [
    'its raw result is read by somebody else',
    /^its raw result is read by silu as well/,
    (g, { x, residual, weight }) => {
      const y = g.allReduce(x);
      return [norm(g, g.add(residual, y), weight), g.unary('silu', y)];
    },
  ],
  [
    'its raw result is given',
    /^its raw result %all_reduce is an output of the graph/,
    (g, { x, residual, weight }) => {
      const y = g.allReduce(x);
      return [norm(g, g.add(residual, y), weight), y];
    },
  ],
  [
    'the largest is taken',
    /^it reduces by max; only sums are fused/,
    (g, { x, weight }) => [norm(g, g.allReduce(x, 'max'), weight)],
  ],
  [
    'a bias is added',
    /^bf16\[64\] is added to its result \(add %add\), no residual of bf16\[tokens, 64\]/,
    (g, { x, weight }) => [norm(g, g.add(g.allReduce(x), weight), weight)],
  ],
  [
    'the weight has another dtype',
    /rows are bf16 and the norm's weight %wide is f32/,
    (g, { x, residual }) => [g.rmsNorm(g.add(residual, g.allReduce(x)), g.weight('wide', 'f32', [64]))],
  ],
  [
    'the residual is subtracted',
    /^its result is subtracted/,
    (g, { x, residual, weight }) => [norm(g, g.binary('sub', residual, g.allReduce(x)), weight)],
  ],
  [
    'no root follows the mean',
    /^the norm breaks after epsilon added: the reciprocal root was expected, and there is sigmoid %sigmoid/,
    (g, { x, residual }) => {
      const h = g.add(residual, g.allReduce(x));
      const wide = g.cast(h, 'f32');
      const mean = g.reduce('mean', g.binary('pow', wide, 2), [-1], true);
      return [g.mul(wide, g.unary('sigmoid', g.add(mean, 1e-6))), h];
    },
  ],
  [
    'the mean is over another dim',
    /^a norm follows that has another form: its mean, epsilon or weight/,
    (g, { x, residual }) => {
      const h = g.add(residual, g.allReduce(x));
      const wide = g.cast(h, 'f32');
      const r = g.unary('rsqrt', g.add(g.reduce('mean', g.binary('pow', wide, 2), [0], true), 1e-6));
      return [g.cast(g.mul(wide, r), 'bf16')];
    },
  ],
  [
    'it is computed in bf16',
    /it is computed in bf16, and the fused operation computes in f32/,
    (g, { x, residual }) => {
      const h = g.add(residual, g.allReduce(x));
      const r = g.unary('rsqrt', g.add(g.reduce('mean', g.binary('pow', h, 2), [-1], true), 1e-6));
      return [g.mul(h, r)];
    },
  ],
  [
    'a cube in place of the square',
    /^a norm follows that has another form/,
    (g, { x, residual }) => {
      const wide = g.cast(g.add(residual, g.allReduce(x)), 'f32');
      const r = g.unary('rsqrt', g.add(g.reduce('mean', g.binary('pow', wide, 3), [-1], true), 1e-6));
      return [g.cast(g.mul(wide, r), 'bf16')];
    },
  ],
  [
    'an operation that nobody knows',
    /^its result is read by torch\.ops\.mine\.dropout\.default/,
    (g, { x, residual, weight }) => {
      const y = g.allReduce(x);
      const [z] = g.node('torch.ops.mine.dropout.default', { x: y }, [y.type]);
      return [norm(g, g.add(residual, z!), weight)];
    },
  ],
  [
    'no norm',
    /^the sum with the residual \(add %add\) is read by no norm/,
    (g, { x, residual }) => [g.unary('silu', g.add(residual, g.allReduce(x)))],
  ],
  [
    'nothing at all',
    /^its result is an output of the graph, and no norm follows/,
    (g, { x }) => [g.allReduce(x)],
  ],
  [
    'a weight that depends on the sum',
    /the norm's weight %reshape depends on the sum itself/,
    (g, { x, residual }) => {
      const h = g.add(residual, g.allReduce(x));
      return [g.rmsNorm(h, g.reshape(g.reduce('sum', h, [0]), [64])), h];
    },
  ],
];

test.each(CHANGED)('not fused: %s', (_change, reason, body) => {
  const { form, reasons } = only(chain(body));
  expect(form).toBe('');
  expect(reasons).toHaveLength(1);
  expect(reasons[0]).toMatch(reason);
});

test('another group: the one that most all-reduces are of is the tensor-parallel one, unless it is named', () => {
  const graph = chain((g, { x, residual, weight }) => {
    const a = norm(g, g.add(residual, g.allReduce(x, 'sum', 'tp')), weight);
    const b = norm(g, g.allReduce(a, 'sum', 'tp'), weight);
    return [norm(g, g.allReduce(b, 'sum', 'ep'), weight)];
  });
  expect(only(graph).reasons).toEqual(['it is of group "ep", and the tensor-parallel group is "tp"']);
  const named = optimize(graph, { ...EVERYTHING, group: 'ep' });
  expect(named.decisions).toHaveLength(1);
});

test('whole numbers are not fused', () => {
  const graph = trace('ints', (g) => [
    g.rmsNorm(g.cast(g.allReduce(g.input('x', 'i32', [4, 64])), 'f32'), null),
  ]);
  expect(only(graph).reasons).toEqual(['it is of i32; f32, f16 and bf16 are fused']);
});
