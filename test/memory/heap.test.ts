import { describe, expect, it } from 'vitest';
import type { Engine } from '../../dist/engine/engine.js';
import { SymmetricHeap } from '../../dist/memory/heap.js';
import { Tensor } from '../../dist/memory/tensor.js';

const BASE = 1_000_000;

/** As much of an engine as a heap needs: an arena somewhere, and a rank on its own. */
function engineOf(bytes: number): Engine {
  const group = { rank: 0, size: 1, gather: <T>(value: T): T[] => [value] };
  return { arena: { base: BASE, bytes }, group } as unknown as Engine;
}

describe('SymmetricHeap', () => {
  it('gives addresses in the arena, and the room back', () => {
    const heap = new SymmetricHeap(engineOf(4096));
    const [a, b] = [heap.allocate(1), heap.allocate(0)];
    expect([a, b]).toEqual([BASE, BASE + 256]);
    expect(heap.free).toBe(4096 - 512);
    heap.release(a!);
    expect(heap.allocate(256)).toBe(a);
    expect(heap.bytes).toBe(4096);
  });

  it('says how much is free when it is full, and in how large a block', () => {
    const heap = new SymmetricHeap(engineOf(1024));
    const blocks = [0, 1, 2, 3].map(() => heap.allocate(256));
    heap.release(blocks[0]!);
    heap.release(blocks[2]!);
    expect(() => heap.allocate(257)).toThrow(
      'the symmetric heap is full: 257 bytes asked, 512 of 1024 free, largest block 256; raise arenaBytes',
    );
    expect(heap.free).toBe(512);
  });

  it('knows which addresses are symmetric: live ones, whole ranges, within one allocation', () => {
    const heap = new SymmetricHeap(engineOf(4096));
    const a = heap.allocate(512);
    const b = heap.allocate(256);
    expect(heap.isSymmetric(a)).toBe(true);
    expect(heap.isSymmetric(a + 500, 12)).toBe(true);
    expect(heap.isSymmetric(a + 511, 2)).toBe(false);
    expect(heap.isSymmetric(b + 256)).toBe(false);
    expect(heap.isSymmetric(BASE - 1, 2)).toBe(false);
    expect(heap.isSymmetric(0)).toBe(false);
    heap.release(a);
    expect(heap.isSymmetric(a)).toBe(false);
    expect(heap.isSymmetric(b, 256)).toBe(true);
  });

  it('agrees with itself', () => {
    const heap = new SymmetricHeap(engineOf(4096));
    heap.release(heap.allocate(100));
    expect(() => heap.verify()).not.toThrow();
  });
});

describe('Tensor', () => {
  const engine = engineOf(4096);
  const heap = new SymmetricHeap(engine);
  const tensor = (shape: number[]): Tensor => new Tensor(engine, heap, 'bf16', shape, heap.allocate(256));

  it('knows its elements, bytes and code', () => {
    const x = tensor([3, 5]);
    expect([x.count, x.bytes, x.code, x.dtype]).toEqual([15, 30, 2, 'bf16']);
  });

  it('has views anywhere within, of views too, which live as long as it does', () => {
    const x = tensor([3, 5]);
    const view = x.view(5, [2, 5]).view(3, [7]);
    expect(view.address).toBe(x.address + 16);
    expect(view.shape).toEqual([7]);
    expect(x.view(15, [0]).bytes).toBe(0);
    expect([x.freed, view.freed]).toEqual([false, false]);
    x.free();
    x.free();
    expect([x.freed, view.freed]).toEqual([true, true]);
  });

  it('keeps its own copy of the shape', () => {
    const shape = [2, 2];
    const x = tensor(shape);
    shape[0] = 100;
    expect(x.shape).toEqual([2, 2]);
  });
});
