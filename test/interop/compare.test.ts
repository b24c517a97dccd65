/** @file Measurements against what an engine picks, on tables whose answers are worked out by hand here. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { logarithmicMean } from '../../dist/interop/check/bands.js';
import { groupsOf } from '../../dist/interop/check/curves.js';
import { type Comparison, compare, worstPercent } from '../../dist/interop/compare.js';
import { GPUS } from '../../dist/interop/engines/gpus.js';
import type { MeasurementSet } from '../../dist/interop/measurement.js';
import { findModel, MODELS, weightBytes } from '../../dist/interop/models.js';
import { type Asked, configOf, KIB, MIB, setOf } from './support/engines.ts';

function only(set: MeasurementSet, asked: Asked, options?: Parameters<typeof compare>[2]): Comparison {
  const { comparisons } = compare(set, configOf(asked), options);
  expect(comparisons).toHaveLength(1);
  return comparisons[0]!;
}

describe('plain all-reduce on tables made for it', () => {
  const OFF = { flashinfer: false };

  test('custom bounded too low: symmetric memory takes over at 256 KiB where custom wins to the end', () => {
    // Two power laws: custom 10 us at 64 KiB and 40 at 4 MiB, multimem half as much again at all sizes.
    const set = setOf({
      vllm_custom: { [64 * KIB]: 10, [4 * MIB]: 40 },
      torch_symm_mem_multimem: { [64 * KIB]: 15, [4 * MIB]: 60 },
      nccl: { [64 * KIB]: 30, [4 * MIB]: 90 },
    });
    const { bands, findings, advice } = only(set, { settings: OFF });
    expect(bands.map(({ from, last, worst }) => [from, last, worst.percent])).toEqual([
      [256 * KIB, 4 * MIB, expect.closeTo(50, 9)],
    ]);
    // 64 times the bytes are 4 times the time, so 256 KiB take 10 * 4^(1/3), and the mean of a third of that is known.
    const [low, high] = [10 * 4 ** (1 / 3), 40];
    expect(bands[0]!.meanUs).toBeCloseTo(((high - low) / Math.log(high / low)) * 0.5, 3);
    expect(findings[0]!.text).toMatch(
      /^the custom all-reduce is bounded too low: from 256 KiB to 4 MiB, custom all-reduce, 2 stages is faster than PyTorch symmetric memory, multimem, by up to 20\.0 us an operation \(50\.0 % at 4 MiB\); set VLLM_ALLREDUCE_USE_SYMM_MEM=0$/,
    );
    expect(advice).toMatchObject({
      instructions: [{ kind: 'env', text: 'VLLM_ALLREDUCE_USE_SYMM_MEM=0' }],
      after: 0,
    });
    // Behind by half from 256 KiB to 4 MiB, which is two thirds of the logarithm of 64.
    expect(advice!.before).toBeCloseTo(Math.sqrt((0.25 * 2) / 3), 4);
  });

  test('custom bounded too high: off by default, symmetric memory would take over', () => {
    const set = setOf({
      vllm_custom: { [64 * KIB]: 10, [256 * KIB]: 20, [4 * MIB]: 200 },
      torch_symm_mem_multimem: { [64 * KIB]: 20, [256 * KIB]: 20, [4 * MIB]: 50 },
      nccl: { [64 * KIB]: 40, [256 * KIB]: 40, [4 * MIB]: 100 },
    });
    const { findings } = only(set, { version: '0.10' });
    expect(findings[0]).toMatchObject({ kind: 'custom_bounded_too_high', last: 4 * MIB });
    // 200 against 50.
    expect(findings[0]!.text).toMatch(
      /by up to 150 us an operation \(300 % at 4 MiB\); set VLLM_ALLREDUCE_USE_SYMM_MEM=1$/,
    );
  });

  test('custom off although it wins everywhere', () => {
    const set = setOf({ vllm_custom: { [KIB]: 10, [MIB]: 10 }, nccl: { [KIB]: 11, [MIB]: 12 } });
    const { findings } = only(set, { gpu: 'A100', settings: { custom: false } });
    expect(findings[0]!.text).toBe(
      'the custom all-reduce is off: from 1 KiB to 1 MiB, custom all-reduce, 1 stage or custom all-reduce, 2 stages is faster than NCCL, by up to 2.0 us an operation (20.0 % at 1 MiB); set no --disable-custom-all-reduce',
    );
  });

  test('advice that helps, but not all the way', () => {
    const set = setOf({
      flashinfer_mnnvl: { [64 * KIB]: 20, [MIB]: 20 },
      vllm_custom: { [64 * KIB]: 11, [MIB]: 11 },
      torch_symm_mem_multimem: { [64 * KIB]: 10, [MIB]: 10 },
    });
    const { findings, advice } = only(set, {});
    expect(advice!.instructions.map(({ text }) => text)).toEqual([
      '--disable-custom-all-reduce',
      'VLLM_ALLREDUCE_USE_FLASHINFER=0',
    ]);
    expect(findings[0]!.text).toMatch(/\(100 % at 64 KiB\); set --disable-custom-all-reduce and VLLM/);
    const high = setOf({
      flashinfer_mnnvl: { [KIB]: 10, [32 * KIB]: 10, [128 * KIB]: 40, [MIB]: 40 },
      vllm_custom: { [KIB]: 5, [32 * KIB]: 5, [128 * KIB]: 11, [MIB]: 11 },
      torch_symm_mem_multimem: { [KIB]: 10, [MIB]: 10 },
    });
    // At 128 KiB 40 against 10, and custom's 11 in their place.
    expect(only(high, {}).findings[0]!.text).toMatch(
      /\(300 % at 128 KiB\); set VLLM_ALLREDUCE_USE_FLASHINFER=0, which leaves 10\.0 % there$/,
    );
  });

  test('settings that would help, but are not worth it, or not known elsewhere', () => {
    const little = setOf({
      vllm_custom: { [KIB]: 10, [1000 * KIB]: 10, [MIB]: 10.3 },
      nccl: { [KIB]: 10, [MIB]: 10 },
    });
    const { findings, advice } = only(little, { gpu: 'A100' });
    expect(advice!.instructions).toEqual([]);
    // 10.3 against 10.
    expect(findings[0]!.text).toMatch(
      /by up to 0\.3 us an operation \(3\.0 % at 1 MiB\); --disable-custom-all-reduce would take it there, and gains little in all$/,
    );
    const unknown = setOf({ vllm_custom: { [64 * KIB]: 10, [MIB]: 20 }, nccl: { [512 * KIB]: 8, [MIB]: 8 } });
    expect(only(unknown, { gpu: 'A100' }).findings[0]!.text).toMatch(
      /--disable-custom-all-reduce would take it there, at a cost at other sizes that was not measured$/,
    );
  });

  test('a backend that did not come up is named with what it costs', () => {
    const set = setOf({
      vllm_custom: { [64 * KIB]: 10, [256 * KIB]: 20, [4 * MIB]: 100 },
      torch_symm_mem_multimem: { [64 * KIB]: 20, [256 * KIB]: 20, [4 * MIB]: 50 },
    });
    const asked = { settings: OFF, backends: ['CUSTOM', 'PYNCCL'] };
    const { findings, bands, picks } = only(set, asked);
    expect(picks.map(({ backend }) => backend)).toEqual(['CUSTOM', 'CUSTOM']);
    expect(findings.map(({ kind, text }) => [kind, text])).toEqual([
      [
        'backend_unavailable',
        'SYMM_MEM is silently unavailable: the settings promise it from 256 KiB to 4 MiB, the log does not list it, and custom all-reduce, 2 stages serves there, slower by up to 50.0 us an operation (100 % at 4 MiB); find in the log why it did not come up',
      ],
    ]);
    expect(bands.every(({ other }) => other.backend === 'SYMM_MEM')).toBe(true);
    expect(only(set, { settings: OFF }).findings).toEqual([]);
    // Where it would be no faster, or was not measured, that is said.
    const slower = setOf({
      vllm_custom: { [MIB]: 9, [2 * MIB]: 9 },
      torch_symm_mem_multimem: { [MIB]: 9, [2 * MIB]: 9 },
    });
    expect(only(slower, asked).findings[0]!.text).toMatch(/serves there, as fast or faster; find/);
    const unknown = setOf({ vllm_custom: { [MIB]: 9, [2 * MIB]: 9 } });
    expect(only(unknown, asked).findings[0]!.text).toMatch(
      /serves there, at a cost that was not measured; find/,
    );
  });

  test('a pick that was not measured is neither praised nor blamed', () => {
    const set = setOf({ nccl: { [64 * KIB]: 10, [256 * KIB]: 20 } });
    const { picks, bands, findings, advice } = only(set, { settings: OFF });
    expect(picks[0]).toEqual({
      from: 64 * KIB,
      last: 256 * KIB - 1,
      backend: 'CUSTOM',
      label: 'custom all-reduce, 1 stage',
    });
    expect(bands).toEqual([]);
    expect(advice).toBeUndefined();
    expect(findings[0]!.text).toBe(
      'from 64 KiB to below 256 KiB, vllm picks custom all-reduce, 1 stage, which was not measured there: nothing is known of what it loses',
    );
  });

  test('what stands in for a pick is said', () => {
    const set = setOf({ vllm_custom_2stage: { [256 * KIB]: 10, [512 * KIB]: 10 } });
    const { notes, picks } = only(set, { engine: 'sglang', multicast: false });
    expect(picks[0]).toMatchObject({ algorithm: 'vllm_custom_2stage', standIn: true });
    expect(notes).toEqual([
      'custom all-reduce, two-shot pull was not measured; vllm_custom_2stage stands in for it',
    ]);
  });

  test('NCCL symmetric memory is not recommended where multicast cannot be used', () => {
    const set = setOf({
      nccl: { [128 * KIB]: 20, [MIB]: 20 },
      nccl_symmetric: { [128 * KIB]: 10, [MIB]: 10 },
      vllm_custom: { [128 * KIB]: 20, [MIB]: 20 },
      torch_symm_mem_multimem: { [128 * KIB]: 20, [MIB]: 20 },
    });
    expect(only(set, { settings: OFF }).advice!.instructions.map(({ text }) => text)).toEqual([
      'VLLM_USE_NCCL_SYMM_MEM=1',
      'NCCL_CUMEM_ENABLE=1',
      'NCCL_NVLS_ENABLE=1',
    ]);
    const without = only(set, { settings: OFF, multicast: false });
    expect(without.bands).toEqual([]);
    expect(without.outOfReach[0]).toMatchObject({ other: { algorithm: 'nccl_symmetric' } });
  });

  test('other world sizes and element sizes are left out, with the reason', () => {
    const set = setOf({ nccl: { [KIB]: 1 } }, { dtype: 'f32' });
    const config = configOf();
    expect(compare(set, config)).toEqual({
      comparisons: [],
      notes: ['all_reduce x8 f32 is left out: the engine reduces bf16'],
    });
    expect(compare(set, configOf({ worldSize: 4 })).notes).toEqual([
      'all_reduce x8 f32 is left out: the engine runs on 4 GPUs',
    ]);
  });
});

describe('curves', () => {
  test('the median out of place; operations that no engine picks for are left out', () => {
    const source = { file: 'x', line: 1 };
    const common = { operation: 'all_reduce' as const, worldSize: 2, algorithm: 'nccl', bytes: 1024, source };
    const groups = groupsOf([
      { ...common, us: 9, inPlace: false },
      { ...common, us: 5, inPlace: false, spread: 1 },
      { ...common, us: 1, inPlace: true },
      { ...common, us: 4, bytes: 512, inPlace: true },
      { ...common, us: 0, bytes: 2048 },
      { ...common, operation: 'all_gather', us: 1 },
    ]);
    expect(groups).toHaveLength(1);
    expect(groups[0]!.curves.get('nccl')).toEqual([
      { bytes: 512, us: 4, spread: 0 },
      { bytes: 1024, us: 7, spread: 1 },
    ]);
  });

  test('the mean of a power law over the logarithm of the size', () => {
    // From 1 to e^2 the mean of x over log x is (e^2 - 1) / 2.
    expect(logarithmicMean(1, Math.exp(2))).toBeCloseTo((Math.exp(2) - 1) / 2, 12);
    expect(logarithmicMean(3, 3)).toBe(3);
  });
});

test('models: weights that a step reads', () => {
  expect(MODELS.map(({ name }) => name)).toEqual([
    'qwen3-30b-a3b',
    'llama-3.1-8b',
    'llama-3.1-70b',
    'deepseek-v2-lite',
  ]);
  // The rows of an embedding table that a step reads do not count.
  expect(weightBytes(findModel('llama-3.1-8b'), 7, 2, 2)).toBe(8_030_261_248 - 128_256 * 4096);
  const qwen = findModel('qwen3-30b-a3b');
  // One token goes to 8 of 128 experts, which have 48 * 128 * 3 matrices of 2048 x 768; a large batch to all of them.
  const [all, experts] = [30_532_122_624 - 151_936 * 2048, 48 * 128 * 3 * 2048 * 768];
  expect(weightBytes(qwen, 1, 1, 2)).toBeCloseTo((all - experts + experts / 16) * 2, -1);
  expect(weightBytes(qwen, 4096, 1, 2)).toBeCloseTo(all * 2, -1);
  expect(() => findModel('gpt-2')).toThrow('model is "gpt-2"; use one of qwen3-30b-a3b,');
});

test('losses are never negative, and bands never overlap', () => {
  const algorithms = [
    'nccl',
    'nccl_symmetric',
    'vllm_custom',
    'vllm_custom_1stage',
    'vllm_custom_2stage',
    'torch_symm_mem_multimem',
    'torch_symm_mem_two_shot',
    'flashinfer_trtllm',
    'flashinfer_mnnvl',
    'sglang_custom_v2',
  ];
  const fusedAlgorithms = [
    'unfused',
    'unfused_compiled',
    'flashinfer_trtllm_fused_one_shot',
    'flashinfer_trtllm_fused_two_shot',
    'flashinfer_mnnvl_fused_one_shot',
  ];
  const curve = fc.dictionary(
    fc.integer({ min: 1, max: 2 ** 27 }).map(String),
    fc.double({ min: 0.5, max: 5000, noNaN: true }),
    { minKeys: 1, maxKeys: 6 },
  );
  const times = (names: readonly string[]) =>
    fc
      .array(fc.tuple(fc.constantFrom(...names), curve), { minLength: 1, maxLength: 5 })
      .map((pairs) => Object.fromEntries(pairs) as Record<string, Record<number, number>>);
  const plain = times(algorithms).map((of) => setOf(of));
  const fused = times(fusedAlgorithms).map((of) =>
    setOf(of, { operation: 'all_reduce_rms_norm', hidden: 4096 }),
  );
  const asked = fc.record({
    engine: fc.constantFrom('vllm' as const, 'sglang' as const),
    gpu: fc.constantFrom(...GPUS.map(({ name }) => name)),
    settings: fc.record({ custom: fc.boolean(), symmMem: fc.boolean(), fusion: fc.boolean() }),
  });
  fc.assert(
    fc.property(fc.oneof(plain, fused), asked, fc.constantFrom(0, 0.02), (set, given, tolerance) => {
      const report = compare(set, configOf(given), { tolerance });
      for (const { picks, bands, outOfReach, measured, advice } of report.comparisons) {
        for (const [i, { from, last }] of picks.entries()) {
          expect(from).toBe(i === 0 ? measured.from : picks[i - 1]!.last + 1);
          expect(last).toBeGreaterThanOrEqual(from);
        }
        for (const list of [bands, outOfReach]) {
          let before = 0;
          for (const { from, last, worst, meanUs } of list) {
            expect(from).toBeGreaterThan(before);
            before = last;
            expect(worst.us).toBeGreaterThanOrEqual(0);
            expect(worst.percent).toBeGreaterThanOrEqual(0);
            expect(meanUs).toBeGreaterThanOrEqual(0);
            expect(worst.bytes >= from && worst.bytes <= last).toBe(true);
          }
        }
        if (advice) expect(advice.after).toBeLessThanOrEqual(advice.before);
      }
      expect(worstPercent(report)).toBeGreaterThanOrEqual(0);
    }),
    { numRuns: 150 },
  );
});
