/** @file What is refused of operands of model kernels, on every engine, before anything is enqueued. */
import { describe, expect, test } from 'vitest';
import { COMPUTE, type ComputeName, type ComputeOperands } from '../../dist/engine/compute.js';
import { validateCompute } from '../../dist/engine/validate-compute.js';

/** Operands that every kernel accepts, some of them changed. */
function operandsOf<N extends ComputeName>(kernel: N, changed: Record<string, unknown>): ComputeOperands<N> {
  const { addresses, integers, floats } = COMPUTE[kernel];
  const values: Record<string, unknown> = {
    choices: 4,
    count: 16,
    inner: 16,
    outer: 16,
    head: 8,
    rotary: 4,
    columns: 8,
    wholeColumns: 64,
    experts: 64,
  };
  return Object.fromEntries([
    ...addresses.map((name, i) => [name, 256 * (i + 1)]),
    ...integers.map((name) => [name, values[name] ?? 1]),
    ...floats.map((name) => [name, 0.5]),
    ...Object.entries(changed),
  ]) as ComputeOperands<N>;
}

const names = Object.keys(COMPUTE) as ComputeName[];

test.each(names)('%s: plain operands are accepted, a missing or an unknown one is not', (kernel) => {
  const plain = operandsOf(kernel, {});
  expect(() => validateCompute(kernel, plain)).not.toThrow();
  for (const name of Object.keys(plain)) {
    const { [name]: _, ...rest } = plain as Record<string, number>;
    expect(() => validateCompute(kernel, rest as typeof plain)).toThrow(`${kernel}: ${name} is undefined; `);
  }
  expect(() => validateCompute(kernel, operandsOf(kernel, { extra: 1 }))).toThrow(
    `${kernel} has no operand extra; it has `,
  );
});

describe('refused, with the operand, its value, and what is accepted', () => {
  test.each<[ComputeName, Record<string, unknown>, string]>([
    ['silu_gate', { tokens: -1 }, 'silu_gate: tokens is -1; use a whole number from 0 to 2^31 - 1'],
    ['silu_gate', { tokens: 1.5 }, 'silu_gate: tokens is 1.5; use a whole number'],
    ['silu_gate', { tokens: 2 ** 31 }, 'silu_gate: tokens is 2147483648; use a whole number'],
    ['silu_gate', { tokens: '1' }, 'silu_gate: tokens is 1; use a whole number'],
    ['silu_gate', { inner: 0 }, 'silu_gate: inner is 0; use 1 or more'],
    ['silu_gate', { x: 0 }, 'silu_gate: x is 0; it must not be absent'],
    ['silu_gate', { x: -16 }, 'silu_gate: x is -16; use an address, or 0'],
    ['silu_gate', { x: 264 }, 'silu_gate: x is 264; it must begin at a multiple of 16 bytes'],
    ['embedding', { ids: 258 }, 'embedding: ids is 258; it must begin at a multiple of 4 bytes'],
    ['scaled_linear', { inner: 24 }, 'scaled_linear: inner is 24; use a multiple of 16'],
    ['scaled_linear', { scalePerToken: 2 }, 'scaled_linear: scalePerToken is 2; use 0 to 1'],
    ['rotary_append', { rotary: 5 }, 'rotary_append: rotary is 5; use a multiple of 2'],
    ['rotary_append', { rotary: 10 }, 'rotary_append: rotary is 10; it must not be more than head'],
    ['rotary_append', { epsilon: undefined }, 'rotary_append: epsilon is undefined; use a number'],
    ['rotary_append', { valueCache: 0 }, 'rotary_append: valueCache is 0; it must not be absent'],
    ['attention', { kvHeads: 2 }, 'attention: kvHeads is 2; it must not be more than heads'],
    ['route', { choices: 17 }, 'route: choices is 17; it must not be more than count'],
    ['top_k', { choices: 65 }, 'top_k: choices is 65; use 1 to 64'],
    ['fill', { column: 60 }, 'fill: columns is 8; with column it must not be more than wholeColumns'],
  ])('%s %o', (kernel, changed, message) => {
    expect(() => validateCompute(kernel, operandsOf(kernel, changed))).toThrow(message);
  });

  test('a kernel that there is not', () => {
    expect(() => validateCompute('magic' as 'fill', {} as ComputeOperands<'fill'>)).toThrow(
      'there is no kernel magic',
    );
  });
});

test('absent operands are accepted where they may be, and everywhere without tokens', () => {
  const accepts = (kernel: ComputeName, changed: object, what?: 'all' | 'shape'): void =>
    validateCompute(kernel, operandsOf(kernel, { ...changed }), what);
  accepts('linear', { bias: 0 });
  accepts('rotary_append', { queryNorm: 0, keyNorm: 0 });
  accepts('attention', { valueCache: 0, queryRope: 0, scratch: 0 });
  accepts('silu_gate', { out: 0, x: 0, tokens: 0 });
  accepts('top_k', { out: 0, x: 0, scratch: 0 }, 'shape');
});
