/**
 * @file Ranks that meet, against the references that the package's kernels are checked with.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { roundArray } from '../../../dist/tensor/formats/array.js';
import { allReduceRounded } from '../../../dist/tensor/reference/all-reduce.js';
import { allReduceRmsNormRounded } from '../../../dist/tensor/reference/all-reduce-rms-norm.js';
import { type Example, each, runNode, shaped } from './node.ts';

type Like = Pick<Example, 'dtype' | 'shape'>;

const HIDDEN = 32;
const ranks = fc.integer({ min: 2, max: 3 });
const small = fc.integer({ min: 1, max: 4 });

/** Reproducible numbers of the dtype, different ones for different seeds. */
function random(dtype: 'f32' | 'bf16', shape: readonly number[], seed: number): Example {
  const length = shape.reduce((product, size) => product * size, 1);
  const values = Array.from({ length }, (_, i) => Math.sin(1 + seed * 1000 + i * 1.7) * 3);
  return shaped(dtype, shape, [...roundArray(dtype, values)]);
}

function perRank(count: number, dtype: 'f32' | 'bf16', shape: readonly number[], seed: number): Example[] {
  return Array.from({ length: count }, (_, rank) => random(dtype, shape, seed + rank));
}

const arrays = (examples: readonly Example[]): Float64Array[] =>
  examples.map(({ values }) => Float64Array.from(values));

describe('all_reduce', () => {
  it.each(['sum', 'avg', 'max', 'min'] as const)('%s is the reference of the kernels', (reduce) => {
    const dtypes = fc.constantFrom<('f32' | 'bf16')[]>('f32', 'bf16');
    fc.assert(
      fc.property(ranks, small, fc.nat(99), dtypes, (count, length, seed, dtype) => {
        const xs = perRank(count, dtype, [length], seed);
        const wanted = [...allReduceRounded(arrays(xs), reduce, dtype)];
        const outs = runNode('all_reduce', { x: each(...xs), reduce, group: '' }, [xs[0]!]);
        expect(outs.map(([out]) => out!.values)).toEqual(xs.map(() => wanted));
      }),
    );
  });

  it('is reduce_scatter and all_gather, one after the other', () => {
    fc.assert(
      fc.property(ranks, small, small, fc.nat(1), fc.nat(99), (count, rows, columns, dim, seed) => {
        const part = { dtype: 'bf16' as const, shape: [rows, columns] };
        const shape = part.shape.with(dim, count * part.shape[dim]!);
        const xs = perRank(count, 'bf16', shape, seed);
        const common = { reduce: 'sum', group: '' };
        const parts = runNode('reduce_scatter', { x: each(...xs), dim, ...common }, [part]).flat();
        const whole = runNode('all_gather', { x: each(...parts), dim, group: '' }, [xs[0]!]);
        expect(whole).toEqual(runNode('all_reduce', { x: each(...xs), ...common }, [xs[0]!]));
      }),
    );
  });
});

describe('all_reduce_rms_norm', () => {
  /** What each quantization adds to the outputs, which operation does it alone, and with which scale. */
  const formats = (tokens: number) => {
    const codes = (dtype: 'f8e4m3' | 'i8'): Like => ({ dtype, shape: [tokens, HIDDEN] });
    const scales: Like = { dtype: 'f32', shape: [tokens, 1] };
    const pairs: Like = { dtype: 'e2m1x2', shape: [tokens, HIDDEN / 2] };
    const blocks: Like = { dtype: 'f8e4m3', shape: [tokens, HIDDEN / 16] };
    return {
      f8e4m3_static: { outputs: [codes('f8e4m3')], op: 'quantize_static', scale: 0.25 },
      f8e4m3_token: { outputs: [codes('f8e4m3'), scales], op: 'quantize_token', scale: null },
      i8_token: { outputs: [codes('i8'), scales], op: 'quantize_token', scale: null },
      nvfp4: { outputs: [pairs, blocks], op: 'quantize_nvfp4', scale: 100 },
    };
  };
  const names = fc.constantFrom(...(['none', 'f8e4m3_static', 'f8e4m3_token', 'i8_token', 'nvfp4'] as const));
  const any = fc.tuple(ranks, small, fc.nat(99), fc.boolean(), names);

  it('gives what its parts give one after the other', () => {
    fc.assert(
      fc.property(any, ([count, tokens, seed, castBefore, quantization]) => {
        const like: Like = { dtype: 'bf16', shape: [tokens, HIDDEN] };
        const xs = perRank(count, 'bf16', like.shape, seed);
        const [residual, weight] = [random('bf16', like.shape, seed + 7), random('bf16', [HIDDEN], seed + 8)];
        const settings = { epsilon: 1e-6, weight_bias: 0.5, cast_before_weight: castBefore };
        const format = quantization === 'none' ? undefined : formats(tokens)[quantization];
        const scale = format?.scale ?? null;
        const operands = { x: each(...xs), residual, weight, ...settings, quantization, scale, group: '' };
        const fused = runNode('all_reduce_rms_norm', operands, [like, like, ...(format?.outputs ?? [])]);

        const one = (op: string, parts: Parameters<typeof runNode>[1]): Example =>
          runNode(op, parts, [like])[0]![0]!;
        const sum = one('add', {
          a: one('all_reduce', { x: each(...xs), reduce: 'sum', group: '' }),
          b: residual,
        });
        const norm = one('rms_norm', { x: sum, weight, ...settings });
        const scaled = scale === null ? { x: norm } : { x: norm, scale };
        const codes = format ? runNode(format.op, scaled, format.outputs)[0]! : [];
        expect(fused).toEqual(xs.map(() => [norm, sum, ...codes]));
      }),
      // A norm of -0, of which NVFP4 keeps the sign.
      { examples: [[[3, 3, 14, false, 'nvfp4']]] },
    );
  });

  it('is the reference of the kernels', () => {
    fc.assert(
      fc.property(ranks, small, fc.nat(99), fc.boolean(), (count, tokens, seed, hasResidual) => {
        const like: Like = { dtype: 'bf16', shape: [tokens, HIDDEN] };
        const xs = perRank(count, 'bf16', like.shape, seed);
        const residual = hasResidual ? random('bf16', like.shape, seed + 7) : null;
        const weight = random('bf16', [HIDDEN], seed + 8);
        const settings = { epsilon: 1e-6, weight_bias: 1, cast_before_weight: false };
        const wanted = allReduceRmsNormRounded(
          {
            inputs: arrays(xs),
            residual: residual ? Float64Array.from(residual.values) : undefined,
            weight: Float64Array.from(weight.values),
            epsilon: 1e-6,
            weightBias: 1,
          },
          'bf16',
        );
        const operands = { x: each(...xs), residual, weight, ...settings, quantization: 'none', group: '' };
        for (const [norm, sum] of runNode('all_reduce_rms_norm', operands, [like, like])) {
          expect(norm!.values).toEqual([...wanted.output]);
          expect(sum!.values).toEqual([...wanted.residualOut]);
        }
      }),
    );
  });
});
