/**
 * @file How attention is cut into blocks, without a GPU: what is refused, shares, scratch and shared memory.
 */
import { describe, expect, it } from 'vitest';
import { ATTENTION, ATTENTION_SOURCES } from '../../dist/engine/cuda/compute/attention.js';
import {
  type AttentionSize,
  attentionCut,
  attentionScratchBytes,
} from '../../dist/engine/cuda/compute/attention-shapes.js';
import type { ComputeTarget, ModelLaunch } from '../../dist/engine/cuda/compute/target.js';

const H200 = { multiprocessors: 132, capability: 90 };
const LLAMA = { tokens: 8, heads: 16, kvHeads: 4, head: 128, rope: 0, valueHead: 128, places: 8192 };
const DEEPSEEK = { tokens: 8, heads: 8, kvHeads: 1, head: 512, rope: 64, valueHead: 512, places: 8192 };

/** A target that keeps launches instead of making them. */
function recorder(target: { multiprocessors: number; capability: number } = H200): {
  target: ComputeTarget;
  launches: ModelLaunch[];
} {
  const launches: ModelLaunch[] = [];
  return {
    launches,
    target: { ...target, launch: (launch: ModelLaunch) => launches.push(launch) } as unknown as ComputeTarget,
  };
}

const ADDRESSES = {
  out: 16,
  query: 32,
  queryRope: 48,
  keyCache: 64,
  valueCache: 80,
  positions: 96,
  rows: 112,
  tables: 128,
  scratch: 144,
};

describe('attention on CUDA', () => {
  it('takes one share where blocks fill the device, and more where they do not', () => {
    const sharesAt = (tokens: number): number =>
      attentionCut('attention', { ...LLAMA, tokens }, false, H200).grid[1];
    expect([1, 8, 64, 128].map(sharesAt)).toEqual([32, 8, 1, 1]);
    expect(attentionCut('attention', { ...LLAMA, tokens: 1, places: 100 }, false, H200).grid).toEqual([4, 2]);
  });

  it('has room in scratch for every row of every share, whichever way values lie', () => {
    const cut = attentionCut('attention', LLAMA, false, H200);
    expect(cut.scratchBytes).toBe(8 * 4 * 8 * 4 * (128 + 2) * 4);
    for (const kernel of ['attention', 'prefill_attention'] as const) {
      for (const size of [LLAMA, { ...LLAMA, tokens: 1 }, { ...LLAMA, rope: 32 }, DEEPSEEK]) {
        const bytes = attentionScratchBytes(kernel, size, H200);
        const kinds = size === DEEPSEEK ? [true] : [true, false];
        for (const latent of kinds)
          expect(bytes).toBeGreaterThanOrEqual(attentionCut(kernel, size, latent, H200).scratchBytes);
      }
    }
    expect(attentionScratchBytes('attention', { ...LLAMA, tokens: 0 }, H200)).toBe(0);
  });

  it('fits the shared memory of every generation', () => {
    for (const [capability, most] of [
      [80, 163],
      [86, 99],
      [90, 227],
      [100, 227],
      [120, 99],
    ] as const) {
      const target = { multiprocessors: 100, capability };
      for (const kernel of ['attention', 'prefill_attention'] as const) {
        for (let head = 8; head <= 256; head += 8) {
          for (const valueHead of [8, head, 256]) {
            const cut = attentionCut(kernel, { ...LLAMA, head, valueHead }, false, target);
            expect(cut.sharedBytes).toBeLessThanOrEqual(
              most * 1024 - 4096 * Number(cut.source === 'attention_prefill.cu'),
            );
          }
        }
        for (const heads of [1, 8, 16, 17, 32, 64, 128]) {
          const cut = attentionCut(kernel, { ...DEEPSEEK, heads }, true, target);
          expect(cut.sharedBytes).toBeLessThanOrEqual(most * 1024 - 1024);
          expect(cut.tileTokens * Math.min(heads, 64)).toBeLessThanOrEqual(64);
        }
      }
    }
  });

  it('takes heads of several tokens of a prompt together where values are the keys', () => {
    const cut = attentionCut('prefill_attention', { ...DEEPSEEK, tokens: 500 }, true, H200);
    expect(cut).toMatchObject({ source: 'attention_latent.cu', tileTokens: 8, grid: [63, 2], block: 256 });
  });

  it.each<[string, Partial<AttentionSize>, boolean, RegExp]>([
    ['a head that is no whole packs', { head: 100 }, false, /head is 100; .* multiples of 8/],
    ['a long head', { head: 264, valueHead: 128 }, false, /head \+ rope is 264; .* up to 256/],
    ['a long head of values', { valueHead: 264 }, false, /valueHead is 264; .* up to 256/],
    ['a long latent key', { head: 576, rope: 64 }, true, /head \+ rope is 640; .* up to 576/],
    ['more values than keys', { head: 128, valueHead: 256 }, true, /valueHead is 256; .* up to 128/],
    [
      'heads that do not share evenly',
      { heads: 15 },
      false,
      /heads is 15; .* multiples of kvHeads, which is 4/,
    ],
  ])('refuses %s', (_, change, latent, message) => {
    const { target, launches } = recorder();
    const operands = {
      ...LLAMA,
      ...change,
      ...ADDRESSES,
      valueCache: latent ? 0 : 80,
      pageSize: 16,
      pagesPerSequence: 512,
      scale: 1,
    };
    for (const kernel of ['attention', 'prefill_attention'] as const)
      expect(() => ATTENTION[kernel]!.run(operands, target)).toThrow(message);
    expect(launches).toEqual([]);
  });

  it('refuses to go without scratch, or without the rotated part of queries', () => {
    const { target, launches } = recorder();
    const operands = { ...LLAMA, ...ADDRESSES, pageSize: 16, pagesPerSequence: 512, scale: 1 };
    expect(() => ATTENTION.attention!.run({ ...operands, scratch: 0 }, target)).toThrow(
      /scratch is absent; .* 532480 bytes/,
    );
    expect(() => ATTENTION.attention!.run({ ...operands, rope: 64, queryRope: 0 }, target)).toThrow(
      /queryRope is absent/,
    );
    expect(launches).toEqual([]);
    ATTENTION.attention!.run({ ...operands, tokens: 0 }, target);
    expect(launches).toEqual([]);
    ATTENTION.attention!.run(operands, target);
    expect(launches).toMatchObject([{ kernel: 'attention', grid: [32, 8], block: 128 }]);
  });

  it('is checked with every source that it launches', () => {
    expect(Object.keys(ATTENTION_SOURCES).sort()).toEqual([
      'attention.cu',
      'attention_latent.cu',
      'attention_prefill.cu',
    ]);
  });
});
