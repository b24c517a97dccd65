/** @file Whatever ends a group of threads early, what they have left running elsewhere is told; and nobody writes to memory that was taken back. */
import { describe, expect, onTestFinished, test } from 'vitest';
import { allocate } from '../../dist/ffi/memory.js';
import { createControl, STOP_WORDS_LENGTH } from '../../dist/group/control.js';
import { launch } from '../../dist/group/launch.js';
import { StopWords, stopAll } from '../../dist/group/stop-words.js';
import { program } from '../support/program.ts';
import type { Stopped } from './programs/stop-words.ts';

const PROGRAM = program('./programs/stop-words.ts', import.meta.url);
const RANKS = 3;

/** So many words of native memory. */
function allocateWords(count: number): { addresses: bigint[]; values: () => number[] } {
  const block = allocate(4 * count);
  onTestFinished(() => block.release());
  const words = new Int32Array(block.bytes.buffer);
  return {
    addresses: Array.from(words, (_, i) => block.address + BigInt(4 * i)),
    values: () => Array.from(words),
  };
}

describe('a group that is ended early has its stop words set', () => {
  test.each<[Stopped['how'], RegExp]>([
    ['throw', /^rank 1 threw: on purpose$/],
    ['exit', /^rank 1 exited with code 3/],
    ['freeze', /^rank 1 stopped answering/],
  ])('%s', async (how, message) => {
    const { addresses, values } = allocateWords(RANKS);
    const data: Stopped = { how, addresses };
    await expect(launch(PROGRAM, { ranks: RANKS, data, timeoutSeconds: 0.5 })).rejects.toThrow(message);
    expect(values()).toEqual([1, 1, 1]);
  });

  test('and one that succeeds has not', async () => {
    const { addresses, values } = allocateWords(RANKS);
    const data: Stopped = { how: 'nothing', addresses };
    expect(await launch(PROGRAM, { ranks: RANKS, data })).toEqual([true, true, true]);
    expect(values()).toEqual([0, 0, 0]);
  });
});

describe('stop words', () => {
  test('a word that was taken back is left alone, and its place serves another', () => {
    const control = createControl(2);
    const words = new StopWords(control, 1, true);
    const { addresses, values } = allocateWords(3 * STOP_WORDS_LENGTH);
    for (const address of addresses.slice(1)) {
      expect(words.add(address)).toBe(true);
      expect(words.remove(address)).toBe(true);
    }
    expect(words.add(addresses[0]!)).toBe(true);
    stopAll(control, 2);
    expect(values()).toEqual(addresses.map((_, i) => (i === 0 ? 1 : 0)));
  });

  test('once they were set, none is taken any more, and memory stays with the launcher', () => {
    const control = createControl(2);
    const words = new StopWords(control, 0, true);
    const { addresses, values } = allocateWords(2);
    words.add(addresses[0]!);
    stopAll(control, 2);
    expect(words.remove(addresses[0]!)).toBe(false);
    expect(words.add(addresses[1]!)).toBe(false);
    expect(values()).toEqual([1, 0]);
    // A second time does no harm.
    stopAll(control, 2);
    expect(values()).toEqual([1, 0]);
  });

  test('there is room for several of each rank, and more are no error', () => {
    const control = createControl(3);
    const count = STOP_WORDS_LENGTH + 1;
    const { addresses, values } = allocateWords(3 * count);
    for (const [i, address] of addresses.entries()) {
      expect(new StopWords(control, Math.floor(i / count), true).add(address)).toBe(true);
    }
    stopAll(control, 3);
    expect(values()).toEqual(addresses.map((_, i) => (i % count < STOP_WORDS_LENGTH ? 1 : 0)));
    // What else is in a rank's line is as it was.
    expect(Array.from(control).filter((word) => word !== 0 && word !== -1)).toEqual([]);
  });
});
