import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Allocator, GRANULE } from '../../dist/memory/allocator.js';

const ARENA = 64 * GRANULE;

/** A step: allocate so many bytes, or free the block at this place among the live ones. */
type Step = { readonly bytes: number } | { readonly free: number };

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.record({ bytes: fc.integer({ min: 0, max: 12 * GRANULE }) }) },
    { weight: 2, arbitrary: fc.record({ free: fc.nat(100) }) },
  ),
  { maxLength: 80 },
);

interface Block {
  readonly offset: number;
  readonly bytes: number;
}

/** Carries the steps out, and tells after each what is live. */
function run(
  allocator: Allocator,
  list: readonly Step[],
  look: (live: readonly Block[]) => void = () => {},
): Block[] {
  const live: Block[] = [];
  for (const step of list) {
    if ('bytes' in step) {
      const offset = allocator.allocate(step.bytes);
      if (offset >= 0) live.push({ offset, bytes: step.bytes });
    } else if (live.length > 0) {
      const [block] = live.splice(step.free % live.length, 1);
      allocator.release(block!.offset);
    }
    look(live);
  }
  return live;
}

/** What a block occupies. */
function extent({ offset, bytes }: Block): [from: number, to: number] {
  return [offset, offset + Math.max(GRANULE, Math.ceil(bytes / GRANULE) * GRANULE)];
}

describe('Allocator', () => {
  it('never hands out what is in use, and always whole granules inside the arena', () => {
    fc.assert(
      fc.property(steps, (list) => {
        run(new Allocator(ARENA), list, (live) => {
          const extents = live.map(extent).sort((a, b) => a[0] - b[0]);
          for (const [i, [from, to]] of extents.entries()) {
            expect(from % GRANULE).toBe(0);
            expect(from).toBeGreaterThanOrEqual(i === 0 ? 0 : extents[i - 1]![1]);
            expect(to).toBeLessThanOrEqual(ARENA);
          }
        });
      }),
    );
  });

  it('counts what is free, and grants the largest block but no more', () => {
    fc.assert(
      fc.property(steps, (list) => {
        const allocator = new Allocator(ARENA);
        run(allocator, list, (live) => {
          const used = live.map(extent).reduce((sum, [from, to]) => sum + to - from, 0);
          expect(allocator.free).toBe(ARENA - used);
          expect(allocator.live).toBe(live.length);
        });
        const { largest } = allocator;
        expect(allocator.allocate(largest + 1)).toBe(-1);
        if (largest > 0) expect(allocator.allocate(largest)).toBeGreaterThanOrEqual(0);
        else expect(allocator.allocate(1)).toBe(-1);
      }),
    );
  });

  it('joins neighbours: once everything is freed, the arena is one block again', () => {
    fc.assert(
      fc.property(steps, fc.infiniteStream(fc.nat()), (list, order) => {
        const allocator = new Allocator(ARENA);
        const live = run(allocator, list);
        while (live.length > 0) {
          const [block] = live.splice(order.next().value % live.length, 1);
          allocator.release(block!.offset);
        }
        expect(allocator.largest).toBe(ARENA);
        expect(allocator.free).toBe(ARENA);
        expect(allocator.live).toBe(0);
      }),
    );
  });

  it('gives the same offsets for the same calls', () => {
    fc.assert(
      fc.property(steps, (list) => {
        expect(run(new Allocator(ARENA), list)).toEqual(run(new Allocator(ARENA), list));
      }),
    );
  });

  it('takes the smallest block that fits, the lowest of several', () => {
    const allocator = new Allocator(10 * GRANULE);
    const blocks = [3, 1, 2, 1, 2, 1].map((granules) => allocator.allocate(granules * GRANULE));
    for (const i of [0, 2, 4]) allocator.release(blocks[i]!);
    expect(allocator.allocate(2 * GRANULE)).toBe(blocks[2]);
    expect(allocator.allocate(GRANULE)).toBe(blocks[4]);
    expect(allocator.allocate(3 * GRANULE)).toBe(blocks[0]);
  });

  it('knows which ranges lie within one live block', () => {
    const range = fc.tuple(
      fc.integer({ min: -GRANULE, max: ARENA + GRANULE }),
      fc.integer({ min: 0, max: 4 * GRANULE }),
    );
    fc.assert(
      fc.property(steps, fc.array(range, { minLength: 20, maxLength: 40 }), (list, ranges) => {
        const allocator = new Allocator(ARENA);
        const live = run(allocator, list).map(extent);
        for (const [offset, bytes] of ranges) {
          const expected = live.some(([from, to]) => from <= offset && offset < to && offset + bytes <= to);
          expect(allocator.contains(offset, bytes), `${offset} + ${bytes}`).toBe(expected);
        }
      }),
      // No bytes, behind the last block.
      { examples: [[[{ bytes: 769 }, { bytes: 1793 }], [[3072, 0]]]] },
    );
  });

  it('refuses to release what is not an allocated block', () => {
    const allocator = new Allocator(ARENA);
    const [a, b] = [allocator.allocate(300), allocator.allocate(1)];
    allocator.release(a!);
    const message = (offset: number): string =>
      `offset ${offset} is not an allocated block: it was freed before, or never allocated`;
    for (const offset of [a!, b! + 1, b! - GRANULE, -1, ARENA, Number.NaN]) {
      expect(() => allocator.release(offset)).toThrow(message(offset));
    }
    allocator.release(b!);
    expect(() => allocator.release(b!)).toThrow(message(b!));
  });

  it('serves whole granules of what it is given, or nothing', () => {
    expect(new Allocator(3 * GRANULE - 1).bytes).toBe(2 * GRANULE);
    const empty = new Allocator(GRANULE - 1);
    expect(empty.allocate(0)).toBe(-1);
    expect(empty.largest).toBe(0);
  });
});
