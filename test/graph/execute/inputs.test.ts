/**
 * @file What callers give: as lists, typed arrays or values with a shape; and the symbols that its shapes bind.
 */
import { describe, expect, it } from 'vitest';
import { CrossoverError } from '../../../dist/errors.js';
import { execute } from '../../../dist/graph/execute/executor.js';
import type { Value } from '../../../dist/graph/ir/graph.js';
import { graph, identity, node, numbers, value, X } from './graph.ts';

describe('inputs', () => {
  const one = (given: unknown, type: Value = value('x', [2, 2])) =>
    execute(identity({}, type), [{ [type.name]: given as never }])[0]![0];

  it('may be lists, typed arrays, or values with a shape', () => {
    const wanted = { dtype: 'f32', shape: [2, 2], values: Float64Array.of(1, 2, 3, 4) };
    expect(
      one([
        [1, 2],
        [3, 4],
      ]),
    ).toEqual(wanted);
    expect(one(Float32Array.of(1, 2, 3, 4))).toEqual(wanted);
    expect(one({ shape: [2, 2], values: [1, 2, 3, 4] })).toEqual(wanted);
    expect(one({ dtype: 'f32', shape: [2, 2], values: [1, 2, 3, 4] })).toEqual(wanted);
    expect(numbers(one([true, false], value('x', [2], 'bool')))).toEqual([1, 0]);
    expect(numbers(one(BigInt64Array.of(7n, -1n), value('x', [2], 'i64')))).toEqual([7, -1]);
    expect(numbers(one(3, value('x', [])))).toEqual([3]);
    expect(numbers(one([], value('x', [0])))).toEqual([]);
  });

  it('are rounded to the dtype of floating point numbers', () => {
    expect(numbers(one([0.1, 257], value('x', [2], 'bf16')))).toEqual([0.10009765625, 256]);
  });

  it.each([
    [[1, [2]], 'input "x" has lists of different lengths or depths'],
    [[[1, 2], [3]], 'input "x" has lists of different lengths or depths'],
    [[[1, 2], 3], 'input "x" has lists of different lengths or depths'],
    [[1, 2], 'input "x" has shape [2]; it must be f32[2, 2]'],
    [[[1, 2]], 'dim 0 of input "x" is 1; it must be 2'],
    [[['1']], 'input "x" holds 1; use numbers'],
    [{ dtype: 'bf16', shape: [2, 2], values: [1, 2, 3, 4] }, 'input "x" is bf16; it must be f32[2, 2]'],
    [{ shape: [2, 2], values: [1, 2, 3] }, 'input "x" has 3 values; shape [2, 2] has not'],
    [undefined, 'input "x" is missing; give f32[2, 2]'],
  ])('are refused: %j', (given, message) => {
    expect(() => one(given)).toThrow(message);
    expect(() => one(given)).toThrow(CrossoverError);
  });

  it('are refused where whole numbers are meant', () => {
    expect(() => one([1, 0.5], value('x', [2], 'i64'))).toThrow('input "x" holds 0.5, which is no i64');
    expect(() => one([1, 300], value('x', [2], 'u8'))).toThrow('input "x" holds 300, which is no u8');
    expect(() => one([1, 2 ** 60], value('x', [2], 'i64'))).toThrow('whole numbers up to 2^53');
    expect(() => one([2n ** 60n], value('x', [1], 'i64'))).toThrow('whole numbers up to 2^53');
    expect(() => one([1, 2], value('x', [2], 'complex64'))).toThrow(
      'the reference executor has no complex64',
    );
  });

  it('that the graph does not ask for are refused', () => {
    expect(() => execute(identity({}, X), [{ x: [1, 2], y: [1] }])).toThrow('there is no input "y"; use x');
    expect(() => execute(identity({}, X), [])).toThrow('inputs is empty');
  });

  it('name the rank, of several', () => {
    expect(() => execute(identity({}, X), [{ x: [1, 2] }, { x: [1] }])).toThrow(
      'dim 0 of input "x" of rank 1 is 1; it must be 2',
    );
  });

  it('that are no tensors are numbers', () => {
    const scale: Value = { name: 'scale', type: { kind: 'float' } };
    const out = value('out', [2]);
    const run = graph({
      inputs: [{ value: X }, { value: scale }],
      nodes: [node('mul', { a: X, b: scale }, out)],
      outputs: [out, scale, [X, 3, null]],
    });
    const [outs] = execute(run, [{ x: [1, 2], scale: 4 }]);
    expect(numbers(outs![0])).toEqual([4, 8]);
    expect(outs![1]).toBe(4);
    expect(outs![2]).toMatchObject([{ shape: [2] }, 3, null]);
    expect(() => execute(run, [{ x: [1, 2], scale: [4] }])).toThrow('input "scale" is float; give a number');
  });
});

describe('symbols', () => {
  const symbols = { s0: { min: 2, max: 8 }, s1: { min: 0, max: Number.POSITIVE_INFINITY } };

  it('are bound by inputs and give shapes', () => {
    const x = value('x', ['s0', 2]);
    const out = value('out', ['2*s0 + 1'], 'i64');
    const run = graph({
      inputs: [{ value: x }],
      nodes: [node('arange', { start: 0, step: 1 }, out)],
      outputs: [out],
      symbols,
    });
    expect(
      numbers(
        execute(run, [
          {
            x: [
              [1, 2],
              [3, 4],
            ],
          },
        ])[0]![0],
      ),
    ).toEqual([0, 1, 2, 3, 4]);
  });

  it('are bound for each rank', () => {
    const [a, b] = execute(identity(symbols, value('x', ['s0'])), [{ x: [1, 2] }, { x: [1, 2, 3] }]);
    expect([a, b].map((outs) => numbers(outs![0]).length)).toEqual([2, 3]);
  });

  it('are read out of an expression with one unknown', () => {
    const run = identity(symbols, value('x', ['2*s0']), value('y', ['s0']));
    expect(() => execute(run, [{ x: [1, 2, 3, 4], y: [1, 2] }])).not.toThrow();
    expect(() => execute(identity(symbols, value('x', ['2*s0'])), [{ x: [1, 2, 3] }])).toThrow(
      'dim 0 of input "x" is 3, which 2*s0 is for no whole s0',
    );
    expect(() => execute(identity(symbols, value('x', ['2*s0'])), [{ x: [1, 2] }])).toThrow(
      'dim 0 of input "x" is 2, 2*s0 with s0 = 1; s0 accepts 2 to 8',
    );
  });

  it('have ranges', () => {
    const run = identity(symbols, value('x', [3, 's0']));
    expect(() => execute(run, [{ x: [[1], [2], [3]] }])).toThrow(
      'dim 1 of input "x" is 1; s0 accepts 2 to 8',
    );
    const open = identity({ s1: { min: 1, max: Number.POSITIVE_INFINITY } }, value('x', ['s1']));
    expect(() => execute(open, [{ x: [] }])).toThrow('s1 accepts 1 or more');
  });

  it('are the same for all inputs', () => {
    const run = identity(symbols, value('x', ['s0']), value('y', ['s0']));
    expect(() => execute(run, [{ x: [1, 2], y: [1, 2, 3] }])).toThrow(
      'dim 0 of input "y" is 3; it must be 2, with s0 = 2 by dim 0 of input "x"',
    );
    const sum = identity(symbols, value('x', ['s0']), value('y', ['s0 + 1']));
    expect(() => execute(sum, [{ x: [1, 2], y: [1, 2] }])).toThrow('it must be s0 + 1 = 3, with s0 = 2');
  });

  it('may come out of an operation', () => {
    const mask = value('mask', [3], 'bool');
    const x = value('x', [3]);
    const picked = value('picked', ['u0']);
    const counted = value('counted', ['u0'], 'i64');
    const run = graph({
      inputs: [{ value: x }, { value: mask }],
      nodes: [node('index', { x, indices: [mask] }, picked), node('arange', { start: 0, step: 1 }, counted)],
      outputs: [picked, counted],
    });
    const [outs] = execute(run, [{ x: [5, 6, 7], mask: [true, false, true] }]);
    expect(outs!.map(numbers)).toEqual([
      [5, 7],
      [0, 1],
    ]);
  });
});
