/** @file No rank passes a barrier early, whatever the skew, with more ranks than cores, and where the counters wrap around. */
import { describe, expect, test } from 'vitest';
import { Barrier } from '../../dist/group/barrier.js';
import { ARRIVED, createControl, OPENED } from '../../dist/group/control.js';
import { launch } from '../../dist/group/launch.js';
import { program as programOf } from '../support/program.ts';

const program = (name: string): URL => programOf(`./programs/${name}`, import.meta.url);

describe('barrier', () => {
  test.each([
    [2, 2000],
    [3, 1000],
    [8, 400],
    [16, 150],
  ])('%i ranks that come late at random, %i times', async (ranks, rounds) => {
    const shared = new Int32Array(new SharedArrayBuffer(4 * ranks));
    const early = await launch(program('skew.ts'), { ranks, args: [String(rounds)], data: shared });
    expect(early).toEqual(new Array(ranks).fill(0));
    expect([...shared]).toEqual(new Array(ranks).fill(rounds));
  });

  test.each([1, 2, 3, 7])('%i ranks go on where counters wrap around', (size) => {
    // The last rank to arrive never waits, so that one thread can play the last rank of a group by counting in for the others.
    for (const start of [0x7ffffffe, -2]) {
      const words = createControl(size);
      words[OPENED] = start;
      words[ARRIVED] = Math.imul(start, size);
      const barrier = new Barrier(words, 0, size, 0);
      for (let i = 1; i <= 4; i++) {
        Atomics.add(words, ARRIVED, size - 1);
        expect(barrier.meet(0)).toBeUndefined();
        expect(words[OPENED]).toBe((start + i) | 0);
      }
    }
  });

  test('64 ranks meet', async () => {
    const steps = [{ kind: 'barrier' }, { kind: 'gather', value: 1 }, { kind: 'barrier' }];
    const results = await launch<unknown[][][]>(program('script.mjs'), { ranks: 64, data: steps });
    expect(results[63]?.[0]).toHaveLength(64);
  });
});
