/**
 * @file Comparisons that answer in words: undefined when all is well.
 */
import type { DType } from '../../../dist/tensor/dtype.js';
import { dtypeBytes } from '../../../dist/tensor/dtype.js';
import { canonical } from './data.ts';

/** Bit for bit, but for the bits of a NaN. What is only moved is compared as i8, which has none. */
export function differs(dtype: DType, actual: Uint8Array, expected: Uint8Array): string | undefined {
  if (actual.length !== expected.length) return `${actual.length} bytes instead of ${expected.length}`;
  const [a, b] = [canonical(dtype, actual), canonical(dtype, expected)];
  if (Buffer.compare(a, b) === 0) return undefined;
  const at = a.findIndex((byte, i) => byte !== b[i]);
  const size = dtypeBytes(dtype);
  const element = Math.floor(at / size);
  const code = (bytes: Uint8Array): string =>
    Buffer.from(bytes.slice(element * size, (element + 1) * size).reverse()).toString('hex');
  return `element ${element} of ${a.length / size} is 0x${code(a)} instead of 0x${code(b)}`;
}

/** Runs what has to throw, and compares the message. A text has to be part of it. */
export function throwing(
  body: () => unknown,
  expected: string | RegExp,
  name = 'CrossoverError',
): string | undefined {
  try {
    body();
  } catch (error) {
    const { message, name: actual } = error as Error;
    if (actual !== name) return `threw ${actual}: ${message}; expected ${name}`;
    const fits = typeof expected === 'string' ? message.includes(expected) : expected.test(message);
    return fits ? undefined : `says "${message}"; expected "${expected}"`;
  }
  return `did not throw; expected "${expected}"`;
}
