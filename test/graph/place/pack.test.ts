/** @file Packing: pieces that are needed at once are apart, and little is wasted. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { meet, type Piece, pack } from '../../../dist/graph/place/pack.js';
import { GRANULE, roomOf } from '../../../dist/memory/allocator.js';

const piece: fc.Arbitrary<Piece> = fc
  .tuple(fc.integer({ min: 0, max: 20 * GRANULE }), fc.integer({ min: -1, max: 30 }), fc.nat(12))
  .map(([bytes, first, length]) => ({ bytes, first, last: first + length }));

test('pieces that meet are apart, all begin at whole granules, and the bounds hold', () => {
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
      const { offsets, bytes, peakBytes } = pack(pieces);
      for (const [i, a] of pieces.entries()) {
        expect(offsets[i]! % GRANULE).toBe(0);
        expect(offsets[i]! + roomOf(a.bytes)).toBeLessThanOrEqual(bytes);
        for (const [j, b] of pieces.entries()) {
          if (i >= j || !meet(a, b)) continue;
          expect(
            offsets[i]! + roomOf(a.bytes) <= offsets[j]! || offsets[j]! + roomOf(b.bytes) <= offsets[i]!,
          ).toBe(true);
        }
      }
      const peaks = Array.from({ length: 50 }, (_, time) =>
        pieces
          .filter(({ first, last }) => first <= time - 1 && time - 1 <= last)
          .reduce((sum, one) => sum + roomOf(one.bytes), 0),
      );
      expect(peakBytes).toBe(Math.max(...peaks));
      expect(bytes).toBeGreaterThanOrEqual(peakBytes);
      expect(bytes).toBeLessThanOrEqual(pieces.reduce((sum, one) => sum + roomOf(one.bytes), 0));
    }),
    { numRuns: 500 },
  );
});

test('nothing needs nothing; a piece of no bytes has a granule', () => {
  expect(pack([])).toEqual({ offsets: [], bytes: 0, peakBytes: 0 });
  expect(pack([{ bytes: 0, first: 0, last: 0 }])).toEqual({
    offsets: [0],
    bytes: GRANULE,
    peakBytes: GRANULE,
  });
});

test('small pieces that last do not keep large ones from sharing', () => {
  // By time, the first small one would lie behind the first large one, and the second large one behind both.
  const large = 16 * GRANULE;
  const pieces = [
    { bytes: large, first: 0, last: 1 },
    { bytes: GRANULE, first: 1, last: 9 },
    { bytes: large, first: 2, last: 3 },
    { bytes: GRANULE, first: 3, last: 9 },
    { bytes: 2 * large, first: 4, last: 5 },
  ];
  const { bytes, peakBytes } = pack(pieces);
  expect(bytes).toBe(peakBytes);
  expect(peakBytes).toBe(2 * large + 2 * GRANULE);
});
