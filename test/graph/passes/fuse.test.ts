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

const OTHER_QUANTIZATIONS: readonly [change: string, body: (g: GraphBuilder, n: Value) => Value][] = [
  ['scales are bounded from above', (g, n) => byToken(g, n, (m) => g.clamp(m, 1e-12, 2))],
  ['the bound from below is one that rows meet', (g, n) => byToken(g, n, (m) => g.clamp(m, 5, null))],
  ['scales are rounded to bf16', (g, n) => byToken(g, n, (m) => g.cast(m, 'bf16'))],
  ['the scale is negative', (g, n) => byTensor(g, n, -4)],
  ['the scale is 1/0', (g, n) => byTensor(g, n, 0)],
];

test.each(OTHER_QUANTIZATIONS)('not quantized in the fused operation: %s', (_change, quantize) => {
  const graph = chain((g, { x, weight }) => [quantize(g, g.rmsNorm(g.allReduce(x), weight))]);
  expect(only(graph).form).toBe('all_reduce + rms_norm (one operation)');
});

test('a bound of scales that only tiny rows meet is left out, and told', () => {
  const graph = chain((g, { x, weight }) => [
    byToken(g, g.rmsNorm(g.allReduce(x), weight), (m) => g.clamp(m, 1e-5, null)),
  ]);
  expect(only(graph).form).toBe('all_reduce + rms_norm (one operation) + f8e4m3_token');
  expect(optimize(graph, EVERYTHING).decisions[0]!.site.notes[1]).toMatch(
    /^the graph bounds scales by 0.00001/,
  );
});

/** Codes of n by a scale a row, where `change` does something to the rows' magnitudes. */
function byToken(g: GraphBuilder, n: Value, change: (magnitude: Value) => Value): Value {
  const wide = g.cast(n, 'f32');
  const scales = g.binary('div', change(g.reduce('amax', g.unary('abs', wide), [-1], true)), 448);
  return g.cast(g.clamp(g.binary('div', wide, scales), -448, 448), 'f8e4m3');
}

function byTensor(g: GraphBuilder, n: Value, inverse: number): Value {
  return g.cast(g.clamp(g.mul(g.cast(n, 'f32'), inverse), -448, 448), 'f8e4m3');
}

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
    'the all-reduced is broadcast over the residual',
    /^it is bf16\[1, 64\], and its sum with the residual \(add %add\) is bf16\[tokens, 64\]/,
    (g, { residual, weight }) => [
      norm(g, g.add(residual, g.allReduce(g.input('one', 'bf16', [1, 64]))), weight),
    ],
  ],
  [
    'the residual is wider',
    /^it is bf16\[tokens, 64\], and its sum with the residual \(add %add\) is f32\[tokens, 64\]/,
    (g, { x }) => {
      const h = g.add(g.input('stream', 'f32', ['tokens', 64]), g.allReduce(x));
      return [norm(g, h, g.weight('wide', 'f32', [64])), h];
    },
  ],
  [
    'it is added to itself',
    /^it is added to itself/,
    (g, { x, weight }) => {
      const y = g.allReduce(x);
      const again = g.reshape(g.reshape(y, ['tokens', 1, 64]), ['tokens', 64]);
      return [norm(g, g.add(y, again), weight)];
    },
  ],
  [
    'epsilon comes with the call',
    /^the norm's epsilon is no constant from 0 up/,
    (g, { x, weight }) => {
      const y = g.allReduce(x);
      const epsilon = g.scalar('epsilon');
      const operands = { x: y, weight, epsilon, weight_bias: 0, cast_before_weight: false };
      return g.node('rms_norm', operands, [y.type]);
    },
  ],
  [
    'epsilon is negative',
    /^the norm's epsilon is no constant from 0 up/,
    (g, { x, weight }) => [g.rmsNorm(g.allReduce(x), weight, { epsilon: -1 })],
  ],
  [
    'a third dtype before the weight',
    /^a norm follows that has another form/,
    (g, { x, weight }) => {
      const wide = g.cast(g.allReduce(x), 'f32');
      const r = g.unary('rsqrt', g.add(g.reduce('mean', g.binary('pow', wide, 2), [-1], true), 1e-6));
      return g.node('mul', { a: weight, b: g.cast(g.mul(wide, r), 'f16') }, [
        { kind: 'tensor', dtype: 'bf16', shape: ['tokens', 64] },
      ]);
    },
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
