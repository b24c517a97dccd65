/**
 * @file Properties of the executor's operations against independent formulas, for random shapes and values.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { GraphDType } from '../../../dist/graph/ir/type.js';
import { roundArray } from '../../../dist/tensor/formats/array.js';
import { type Example, runNode, shaped } from './node.ts';

const dim = fc.integer({ min: 0, max: 4 });
const small = fc.integer({ min: 1, max: 4 });
const shapes = fc.array(dim, { maxLength: 4 });

const count = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);

/** Reproducible numbers, different ones for different seeds. */
function numbers(length: number, seed: number): number[] {
  return Array.from({ length }, (_, i) => Math.sin(1 + seed * 1000 + i * 1.7) * 3);
}

function random(dtype: GraphDType, shape: readonly number[], seed: number): Example {
  const values = numbers(count(shape), seed);
  return shaped(dtype, shape, dtype === 'bf16' ? [...roundArray('bf16', values)] : values);
}

/** An element by its position in each dim. */
function at({ shape, values }: Example, position: readonly number[]): number {
  return values[position.reduce((offset, index, i) => offset * shape[i]! + index, 0)]!;
}

/** Every position of a shape, in order. */
function positions(shape: readonly number[]): number[][] {
  return shape.reduce<number[][]>(
    (found, size) => found.flatMap((one) => Array.from({ length: size }, (_, i) => [...one, i])),
    [[]],
  );
}

function close(got: readonly number[], wanted: readonly number[], within = 1e-12): void {
  expect(got.length).toBe(wanted.length);
  for (const [i, value] of got.entries()) {
    if (!(Math.abs(value - wanted[i]!) <= within * Math.max(1, Math.abs(wanted[i]!))))
      expect(got).toEqual(wanted);
  }
}

const one = (
  op: string,
  operands: Parameters<typeof runNode>[1],
  out: Pick<Example, 'dtype' | 'shape'>,
): Example => runNode(op, operands, [out])[0]![0]!;

describe('moving', () => {
  it('permute puts every element where the dims say, and the inverse puts it back', () => {
    const cases = shapes.chain((shape) =>
      fc.tuple(fc.constant(shape), fc.shuffledSubarray([...shape.keys()], { minLength: shape.length })),
    );
    fc.assert(
      fc.property(cases, fc.nat(99), ([shape, dims], seed) => {
        const x = random('f64', shape, seed);
        const to = dims.map((from) => shape[from]!);
        const moved = one('permute', { x, dims }, { dtype: 'f64', shape: to });
        for (const position of positions(to)) {
          const from = new Array<number>(shape.length);
          for (const [i, own] of dims.entries()) from[own] = position[i]!;
          expect(at(moved, position)).toBe(at(x, from));
        }
        const inverse = [...dims.keys()].sort((a, b) => dims[a]! - dims[b]!);
        expect(one('permute', { x: moved, dims: inverse }, x).values).toEqual(x.values);
      }),
    );
  });

  it('slice takes what Array.slice and a step take', () => {
    const bound = fc.integer({ min: -9, max: 9 });
    fc.assert(
      fc.property(fc.nat(6), bound, bound, small, (size, start, end, step) => {
        const x = shaped('f64', [size], numbers(size, 1));
        const wanted = x.values.slice(start, end).filter((_, i) => i % step === 0);
        const got = one('slice', { x, dim: 0, start, end, step }, { dtype: 'f64', shape: [wanted.length] });
        expect(got.values).toEqual(wanted);
      }),
    );
  });

  it('what cat joins, slice takes apart', () => {
    fc.assert(
      fc.property(fc.tuple(small, small, small), fc.nat(2), dim, fc.nat(99), (shape, along, extra, seed) => {
        const a = random('f64', shape, seed);
        const b = random('f64', shape.with(along, extra), seed + 1);
        const size = shape[along]! + extra;
        const joined = one(
          'cat',
          { xs: [a, b], dim: along },
          { dtype: 'f64', shape: shape.with(along, size) },
        );
        const part = (start: number, end: number, like: Example) =>
          one('slice', { x: joined, dim: along, start, end, step: 1 }, like).values;
        expect(part(0, shape[along]!, a)).toEqual(a.values);
        expect(part(shape[along]!, size, b)).toEqual(b.values);
      }),
    );
  });

  it('index follows the rule for dims that stand together or do not', () => {
    const entry = fc.constantFrom<'all' | 'some'>('all', 'some');
    fc.assert(
      fc.property(
        fc.tuple(small, small, small),
        fc.tuple(entry, entry, entry),
        small,
        fc.nat(99),
        (shape, kinds, length, seed) => {
          const x = random('f64', shape, seed);
          const picks = kinds.map((kind, i) =>
            kind === 'all' ? null : Array.from({ length }, (_, j) => (seed + 3 * i + j) % shape[i]!),
          );
          const picked = [0, 1, 2].filter((i) => picks[i] !== null);
          if (picked.length === 0) return;
          const free = [0, 1, 2].filter((i) => picks[i] === null);
          const isApart = picked.length === 2 && picked[0] === 0 && picked[1] === 2;
          const ahead = isApart ? 0 : free.filter((i) => i < picked[0]!).length;
          const to = free.map((i) => shape[i]!).toSpliced(ahead, 0, length);
          const indices = picks.map((pick) => pick && shaped('i64', [length], pick));
          const got = one('index', { x, indices }, { dtype: 'f64', shape: to });
          for (const position of positions(to)) {
            const rest = position.toSpliced(ahead, 1);
            const from = picks.map((pick) => (pick ? pick[position[ahead]!]! : rest.shift()!));
            expect(at(got, position)).toBe(at(x, from));
          }
        },
      ),
    );
  });
});

describe('computing', () => {
  it('matmul is the triple loop', () => {
    fc.assert(
      fc.property(dim, dim, dim, small, fc.nat(99), (rows, inner, columns, batch, seed) => {
        const a = random('f64', [batch, rows, inner], seed);
        const b = random('f64', [inner, columns], seed + 1);
        const shape = [batch, rows, columns];
        const wanted = positions(shape).map(([i, row, column]) => {
          let sum = 0;
          for (let k = 0; k < inner; k++) sum += at(a, [i!, row!, k]) * at(b, [k, column!]);
          return sum;
        });
        close(one('matmul', { a, b }, { dtype: 'f64', shape }).values, wanted);
        const weight = one('permute', { x: b, dims: [1, 0] }, { dtype: 'f64', shape: [columns, inner] });
        close(one('linear', { x: a, weight, bias: null }, { dtype: 'f64', shape }).values, wanted);
      }),
    );
  });

  it('softmax sums to 1 along its dim, and does not see what is added to all', () => {
    fc.assert(
      fc.property(fc.tuple(small, small, small), fc.nat(2), fc.nat(99), (shape, along, seed) => {
        const x = random('f64', shape, seed);
        const soft = one('softmax', { x, dim: along }, x);
        const sums = one(
          'sum',
          { x: soft, dims: [along], keepdim: true },
          { dtype: 'f64', shape: shape.with(along, 1) },
        );
        close(
          sums.values,
          sums.values.map(() => 1),
        );
        const shifted = { ...x, values: x.values.map((value) => value + 700) };
        close(one('softmax', { x: shifted, dim: along }, x).values, soft.values, 1e-10);
      }),
    );
  });

  it('diff undoes cumsum', () => {
    fc.assert(
      fc.property(fc.tuple(small, small, small), fc.nat(2), fc.nat(99), (shape, along, seed) => {
        const x = random('f64', shape, seed);
        const prepend = shaped('f64', shape.with(along, 1), new Array(count(shape.with(along, 1))).fill(0));
        const sums = one('cumsum', { x, dim: along }, x);
        close(one('diff', { x: sums, dim: along, prepend }, x).values, x.values);
      }),
    );
  });

  it('reductions over dims are those of the elements that share the others', () => {
    const cases = shapes.chain((shape) => fc.tuple(fc.constant(shape), fc.subarray([...shape.keys()])));
    fc.assert(
      fc.property(cases, fc.nat(99), ([shape, dims], seed) => {
        const x = random('f64', shape, seed);
        const gone = dims.length === 0 ? [...shape.keys()] : dims;
        const to = shape.map((size, i) => (gone.includes(i) ? 1 : size));
        const sums = new Map(positions(to).map((position) => [position.join(), 0]));
        for (const position of positions(shape)) {
          const key = position.map((index, i) => (gone.includes(i) ? 0 : index)).join();
          sums.set(key, sums.get(key)! + at(x, position));
        }
        close(one('sum', { x, dims, keepdim: true }, { dtype: 'f64', shape: to }).values, [...sums.values()]);
      }),
    );
  });

  it('attention is softmax between two products', () => {
    fc.assert(
      fc.property(small, small, small, small, fc.nat(99), (heads, rows, columns, head, seed) => {
        const query = random('f64', [heads, rows, head], seed);
        const key = random('f64', [heads, columns, head], seed + 1);
        const value = random('f64', [heads, columns, 2], seed + 2);
        const got = one(
          'attention',
          { query, key, value, mask: null, causal: false, scale: null, grouped: false },
          { dtype: 'f64', shape: [heads, rows, 2] },
        );
        const wanted = positions(got.shape).map(([h, row, column]) => {
          const weights = Array.from({ length: columns }, (_, c) => {
            let product = 0;
            for (let k = 0; k < head; k++) product += at(query, [h!, row!, k]) * at(key, [h!, c, k]);
            return Math.exp(product / Math.sqrt(head));
          });
          const total = weights.reduce((sum, weight) => sum + weight, 0);
          return weights.reduce((sum, weight, c) => sum + (weight / total) * at(value, [h!, c, column!]), 0);
        });
        close(got.values, wanted, 1e-10);
      }),
    );
  });

  it('whole numbers wrap around as typed arrays do', () => {
    const arrays = {
      i32: Int32Array,
      i16: Int16Array,
      i8: Int8Array,
      u32: Uint32Array,
      u16: Uint16Array,
      u8: Uint8Array,
    };
    const dtypes = fc.constantFrom(...(Object.keys(arrays) as (keyof typeof arrays)[]));
    const whole = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
    fc.assert(
      fc.property(dtypes, whole, whole, (dtype, x, y) => {
        // Adding 0 makes 0 of -0.
        const wrapped = (value: number): number => arrays[dtype].of(value)[0]! + 0;
        const [a, b] = [wrapped(x), wrapped(y)];
        const of = (op: string): number =>
          one(op, { a: shaped(dtype, [1], [a]), b: shaped(dtype, [1], [b]) }, { dtype, shape: [1] })
            .values[0]!;
        expect(of('add')).toBe(wrapped(a + b));
        expect(of('sub')).toBe(wrapped(a - b));
        expect(of('mul')).toBe(wrapped(Number(BigInt.asIntN(32, BigInt(a) * BigInt(b)))));
      }),
    );
  });
});
