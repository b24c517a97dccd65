/**
 * @file Every message about fields that do not fit together: ranges that do not tile, keys and candidates that are not unique.
 */
import { describe, expect, it } from 'vitest';
import { message, type Path, POINT, RANGE } from './messages.ts';
import { samplePlan } from './samples.ts';

describe('ranges', () => {
  const LAST: Path = ['entries', 0, 'ranges', 2];
  const cases: [string, [Path, unknown][], string][] = [
    [
      'none',
      [[['entries', 0, 'ranges'], []]],
      'entries[0].ranges is an empty array, must have at least one range',
    ],
    [
      'late start',
      [[['entries', 0, 'ranges', 0, 'from'], 8]],
      'entries[0].ranges[0].from is 8, must be 0 (the first range starts at 0)',
    ],
    [
      'gap',
      [[[...RANGE, 'from'], 5000]],
      'entries[0].ranges[1].from is 5000, must be 4096 (where the range before ends)',
    ],
    [
      'overlap',
      [[[...RANGE, 'from'], 2048]],
      'entries[0].ranges[1].from is 2048, must be 4096 (where the range before ends)',
    ],
    [
      'end in the last',
      [[[...LAST, 'to'], 2097152]],
      'entries[0].ranges[2].to is 2097152, must be null (the last range has no end)',
    ],
    [
      'no end in the middle',
      [[[...RANGE, 'to'], null]],
      'entries[0].ranges[1].to is null, must be whole bytes (only the last range has no end)',
    ],
    [
      'empty',
      [
        [[...RANGE, 'to'], 4096],
        [[...LAST, 'from'], 4096],
        [[...RANGE, 'at'], 4096],
      ],
      'entries[0].ranges[1].to is 4096, must be more than 4096 (where the range starts) (and 1 more problem)',
    ],
    [
      'point before',
      [[[...RANGE, 'at'], 4095]],
      'entries[0].ranges[1].at is 4095, must be from 4096 up to but not 65536',
    ],
    [
      'point behind',
      [[[...RANGE, 'at'], 65536]],
      'entries[0].ranges[1].at is 65536, must be from 4096 up to but not 65536',
    ],
    [
      'point before the last',
      [[[...LAST, 'at'], 1]],
      'entries[0].ranges[2].at is 1, must be from 65536 up to but not infinity',
    ],
  ];
  it.each(cases)('%s', (_name, changes, expected) => {
    expect(message(...changes)).toBe(`plan.json: ${expected}`);
  });
});

describe('keys and curves', () => {
  const cases: [string, [Path, unknown][], string][] = [
    [
      'twin keys',
      [[['entries', 1, 'key'], samplePlan().entries[0]!.key]],
      'entries[1].key is all_reduce bf16 x4 replay, must be unique (entries[0] has it)',
    ],
    [
      'fused without hidden',
      [[['entries', 1, 'key', 'hidden'], undefined]],
      'entries[1].key.hidden is missing, must be a whole number, 1 or more, for all_reduce_rms_norm',
    ],
    [
      'hidden where there are no rows',
      [[['entries', 0, 'key', 'hidden'], 64]],
      'entries[0].key.hidden is 64, must be absent for all_reduce',
    ],
    [
      'quantization where there is none',
      [[['entries', 0, 'key', 'quantization'], 'none']],
      'entries[0].key.quantization is none, must be absent for all_reduce',
    ],
    [
      'sweep that ends before it starts',
      [
        [['entries', 0, 'measured'], { from: 9, to: 8 }],
        [['entries', 0, 'candidates'], []],
      ],
      'entries[0].measured.to is 8, must be at least 9 (measured.from)',
    ],
    [
      'twin candidates',
      [
        [
          ['entries', 0, 'candidates', 2],
          { algorithm: 'two_shot_pull', tunables: { blocks: 24 }, points: [] },
        ],
      ],
      'entries[0].candidates[2] is "two_shot_pull blocks=24", must be unique (candidates[1] has it)',
    ],
    [
      'sizes that do not increase',
      [[['entries', 0, 'candidates', 0, 'points', 1, 'bytes'], 1024]],
      'entries[0].candidates[0].points[1].bytes is 1024, must be more than 1024 (the point before)',
    ],
    [
      'point outside of the sweep',
      [[[...POINT, 'bytes'], 512]],
      'entries[0].candidates[0].points[0].bytes is 512, must be from 1024 to 1048576 (what was measured)',
    ],
  ];
  it.each(cases)('%s', (_name, changes, expected) => {
    expect(message(...changes)).toBe(`plan.json: ${expected}`);
  });
});
