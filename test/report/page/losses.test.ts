/** @file Sizes at which a choice loses, from what `crossover check --json` prints and from lists. */
import { expect, test } from 'vitest';
import { parseLosses } from '../../../dist/report/page/losses.js';

test('of check: the last size is included, and the worst of a band is its loss', () => {
  const checked = [
    {
      engine: 'vllm',
      comparisons: [
        {
          key: { operation: 'all_reduce', worldSize: 4, dtype: 'bf16', mode: 'replay' },
          name: 'all_reduce x4 bf16 replay',
          bands: [
            {
              from: 1024,
              last: 65535,
              pick: { backend: 'CUSTOM', label: 'custom', algorithm: 'vllm_custom' },
              other: { backend: 'PYNCCL', label: 'NCCL', algorithm: 'nccl' },
              worst: { bytes: 4096, pickUs: 12, otherUs: 8, us: 4, percent: 50 },
              meanUs: 2,
            },
          ],
        },
      ],
      notes: [],
    },
  ];
  expect(parseLosses(JSON.stringify(checked), 'losses.json')).toEqual([
    {
      from: 1024,
      to: 65536,
      picks: 'custom',
      better: 'NCCL',
      us: 4,
      percent: 50,
      section: 'all_reduce bf16 x4 replay',
    },
  ]);
});

test('a list as it is; anything else is refused', () => {
  const list = [{ from: 0, to: null, picks: 'a', better: 'b', us: 1, percent: 2 }];
  expect(parseLosses(JSON.stringify(list), 'x')).toEqual(list);
  expect(() => parseLosses('{', 'x.json')).toThrow('x.json is not JSON');
  expect(() => parseLosses('{}', 'x.json')).toThrow('x.json has no sizes at which a choice loses; use what');
});
