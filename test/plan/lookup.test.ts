/**
 * @file Lookup: the binary search against a linear scan, its cost, and which entry stands in for a key that was not measured.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PlanKey } from '../../dist/plan/key.js';
import { CompiledEntry, compilePlan } from '../../dist/plan/lookup.js';
import { arbitraryEntry, FUSED, KEY, sampleEntry, samplePlan } from './samples.ts';

describe('find', () => {
  it('gives the range that a linear scan gives', () => {
    const anySize = fc.oneof(fc.nat(), fc.maxSafeNat(), fc.constant(0));
    fc.assert(
      fc.property(arbitraryEntry, fc.array(anySize), (entry, sizes) => {
        const compiled = new CompiledEntry(entry.key, entry);
        const edges = entry.ranges.flatMap(({ from }) => [from, from + 1, Math.max(0, from - 1)]);
        for (const bytes of [...sizes, ...edges]) {
          const scanned = entry.ranges.find(({ from, to }) => from <= bytes && (to === null || bytes < to));
          expect(compiled.find(bytes)).toBe(scanned);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('takes a range from its first byte and leaves it at its end', () => {
    const compiled = compilePlan(samplePlan()).entry(KEY)!;
    const at = (bytes: number): string => compiled.find(bytes).algorithm;
    expect([0, 4095, 4096, 65535, 65536, Number.MAX_SAFE_INTEGER].map(at)).toEqual([
      'one_shot_push',
      'one_shot_push',
      'two_shot_pull',
      'two_shot_pull',
      'nccl',
      'nccl',
    ]);
  });

  it('knows what was measured', () => {
    const compiled = compilePlan(samplePlan()).entry(KEY)!;
    expect([1023, 1024, 1048576, 1048577].map((bytes) => compiled.covers(bytes))).toEqual([
      false,
      true,
      true,
      false,
    ]);
  });

  it('is fast', () => {
    const ranges = Array.from({ length: 16 }, (_, index) => ({
      ...sampleEntry().ranges[0]!,
      from: index * 1000,
      to: index === 15 ? null : (index + 1) * 1000,
    }));
    const compiled = new CompiledEntry(KEY, { ...sampleEntry(), ranges });
    const count = 1_000_000;
    let sum = 0;
    const run = (): void => {
      for (let index = 0; index < count; index++) sum += compiled.find((index * 7919) % 16_000).from;
    };
    run();
    const start = performance.now();
    run();
    const ns = ((performance.now() - start) / count) * 1e6;
    expect(sum).toBeGreaterThan(0);
    // About 15 ns on a laptop; the bound leaves room for a machine that is busy with other tests.
    expect(ns).toBeLessThan(500);
  });
});

describe('entry', () => {
  const entries = [
    sampleEntry(),
    sampleEntry(FUSED),
    sampleEntry({ ...FUSED, hidden: 8192 }),
    sampleEntry({ ...FUSED, hidden: 1024, mode: 'eager' }),
    sampleEntry({ ...FUSED, hidden: 2048, quantization: 'nvfp4' }),
  ];
  const index = compilePlan(samplePlan(entries));
  const answer = (key: PlanKey): number =>
    entries.indexOf(index.entry(key)?.entry as (typeof entries)[number]);

  it('gives the very entry of a measured key', () => {
    for (const [at, { key }] of entries.entries()) {
      const compiled = index.entry({ ...key })!;
      expect(compiled).toMatchObject({ key, approximate: false, notes: [] });
      expect(compiled.entry).toBe(entries[at]);
    }
  });

  it('takes no quantization for quantization none', () => {
    const { quantization: _, ...key } = FUSED;
    expect(index.entry(key)).toMatchObject({ approximate: false });
    expect(answer(key)).toBe(1);
  });

  it('takes the nearest hidden size by ratio, the smaller of two as near', () => {
    const near = (hidden: number): number => answer({ ...FUSED, hidden });
    expect([near(5120), near(5793), near(6000), near(128), near(100_000)]).toEqual([1, 2, 2, 1, 2]);
    const tie = compilePlan(
      samplePlan([sampleEntry({ ...FUSED, hidden: 400 }), sampleEntry({ ...FUSED, hidden: 100 })]),
    );
    expect(tie.entry({ ...FUSED, hidden: 200 })!.entry.key.hidden).toBe(100);
    expect(index.entry({ ...FUSED, hidden: 5120 })).toMatchObject({
      key: { hidden: 5120 },
      approximate: true,
      notes: ['hidden 5120 was not measured; this is the plan for hidden 4096'],
    });
  });

  it('takes the other mode when its own was not measured', () => {
    expect(index.entry({ ...KEY, mode: 'eager' })).toMatchObject({
      approximate: true,
      notes: ['eager was not measured; this is the plan for replay'],
    });
  });

  it('prefers another hidden size of its own mode over its own hidden size in the other mode', () => {
    expect(answer({ ...FUSED, hidden: 4096, mode: 'eager' })).toBe(3);
    expect(answer({ ...FUSED, hidden: 1024 })).toBe(1);
  });

  it('says both when it crosses hidden size and mode', () => {
    expect(index.entry({ ...FUSED, hidden: 1024, quantization: 'nvfp4', mode: 'eager' })!.notes).toEqual([
      'hidden 1024 was not measured; this is the plan for hidden 2048',
      'eager was not measured; this is the plan for replay',
    ]);
  });

  it('takes buffers inside the heap for those outside, and never the other way', () => {
    expect(index.entry({ ...KEY, registered: false })).toMatchObject({
      approximate: true,
      entry: { key: KEY },
      notes: ['buffers outside the symmetric heap were not measured; this is the plan for those inside'],
    });
    const outside = compilePlan(samplePlan([sampleEntry({ ...KEY, registered: false }), sampleEntry(FUSED)]));
    expect(outside.entry({ ...KEY, registered: false })).toMatchObject({ approximate: false, notes: [] });
    expect(outside.entry(KEY)).toBeUndefined();
  });

  it.each<[string, PlanKey]>([
    ['operation', { ...KEY, operation: 'all_gather' }],
    ['dtype', { ...KEY, dtype: 'f16' }],
    ['world size', { ...KEY, worldSize: 2 }],
    ['quantization', { ...FUSED, quantization: 'i8_token' }],
    ['rows', { ...KEY, hidden: 4096 }],
  ])('never crosses %s', (_name, key) => {
    expect(index.entry(key)).toBeUndefined();
  });
});
