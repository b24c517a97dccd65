/**
 * @file Memory that C may keep pointers to, and addresses of JavaScript's own.
 */
import { CrossoverError } from '../errors.ts';
import { koffi } from './library.ts';

/** Memory outside JavaScript's heap. Its bytes must not be touched after `release`. */
export interface NativeBlock {
  readonly address: bigint;
  readonly bytes: Uint8Array<ArrayBuffer>;
  release(): void;
}

/** A view of more than this ends the process. */
const MOST_BYTES = 2 ** 32;

/** Zeroed. */
export function allocate(bytes: number): NativeBlock {
  const address = BigInt(koffi().alloc('uint8_t', bytes));
  const block = { address, bytes: viewOf(address, bytes), release: () => koffi().free(address) };
  block.bytes.fill(0);
  return block;
}

/** Bytes at an address that something else owns and keeps alive. */
export function viewOf(address: bigint, bytes: number): Uint8Array<ArrayBuffer> {
  if (bytes > MOST_BYTES)
    throw new CrossoverError(`a view of ${bytes} bytes is too long; it can have ${MOST_BYTES}`);
  return new Uint8Array(koffi().view(address, bytes));
}

/** Address of a view's first byte; the caller keeps the view alive as long as C uses it. */
export function addressOf(view: ArrayBufferView): bigint {
  return BigInt(koffi().address(view));
}

/** The text at an address, up to its terminating zero. */
export function textAt(address: bigint): string {
  return address === 0n ? '' : (koffi().decode(address, 'char', -1) as string);
}
