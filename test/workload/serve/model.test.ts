/** @file Serving on the real executor: batching, filling up, pages and chunks of prompts change no token of anybody. */
import { expect, test } from 'vitest';
import { launch } from '../../../dist/group/launch.js';
import type { Generated } from './model-ranks.ts';

test.each(['tiny', 'tiny-mla'])(
  '%s gives a request the same tokens, whoever else is served',
  async (model) => {
    const all = await launch<Generated>(new URL('./model-ranks.ts', import.meta.url), {
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
