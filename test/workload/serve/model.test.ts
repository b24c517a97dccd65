/** @file Serving on the real executor: batching, filling up, pages and chunks of prompts change no token of anybody. */
import { expect, test } from 'vitest';
import { launch } from '../../../dist/group/launch.js';
import { decodeSizes, promptSizes } from '../../../dist/workload/serve/model-runner.js';
import { program } from '../../support/program.ts';
import type { Generated } from './model-ranks.ts';

test.each(['tiny', 'tiny-mla'])(
  '%s gives a request the same tokens, whoever else is served',
  async (model) => {
    const all = await launch<Generated>(program('./model-ranks.ts', import.meta.url), {
      ranks: 2,
      data: model,
    });
    for (const { alone, together, mixed, most } of all) {
      expect(alone.length).toBeGreaterThan(5);
      expect(together).toEqual(alone);
      expect(mixed).toEqual(alone);
      expect(most).toEqual({ tokens: 24, samples: 5 });
      // Not one token over and over: then nothing would have been checked.
      expect(new Set(alone.flat()).size).toBeGreaterThan(10);
    }
    expect(all[1]).toEqual(all[0]);
  },
);

test('there is a size for every step, and not much of it is filling', () => {
  for (const most of [1, 2, 7, 64, 100, 2048]) {
    for (const sizes of [decodeSizes(most), promptSizes(most)]) {
      expect(sizes.at(-1)).toBe(most);
      expect(sizes).toEqual([...new Set(sizes)].sort((a, b) => a - b));
      expect(sizes.every(Number.isInteger)).toBe(true);
    }
    const decode = decodeSizes(most);
    for (const [i, size] of decode.entries()) expect(size).toBeLessThanOrEqual(2 * (decode[i - 1] ?? 1));
  }
  expect(promptSizes(1000)).toEqual([64, 128, 256, 320, 384, 448, 512, 640, 768, 896, 1000]);
});
