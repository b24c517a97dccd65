import { describe, expect, test } from 'vitest';
import { type Comparison, compare } from '../../dist/interop/compare.js';
import type { MeasurementSet } from '../../dist/interop/measurement.js';
import { findModel } from '../../dist/interop/models.js';
import { readMeasurements } from '../../dist/interop/read/index.js';
import { type Asked, configOf, KIB, MIB, setOf } from './support/engines.ts';

const data = (name: string): string => new URL(`../data/${name}`, import.meta.url).pathname;
const FUSED_TP8 = await readMeasurements([data('interop/fused_collective_tp8_default.txt')]);
const RTX4090 = await readMeasurements([data('custom_all_reduce_test_4x4090.txt')]);

function only(set: MeasurementSet, asked: Asked, options?: Parameters<typeof compare>[2]): Comparison {
  const { comparisons } = compare(set, configOf(asked), options);
  expect(comparisons).toHaveLength(1);
  return comparisons[0]!;
}

/** Where two power laws that are known at two sizes are equal, or one is ahead by a factor. */
function crossing(left: number, right: number, a: [number, number], b: [number, number], ahead = 1): number {
  const [at, to] = [Math.log(a[0] / b[0] / ahead), Math.log(a[1] / b[1] / ahead)];
  return left * (right / left) ** (at / (at - to));
}

describe('fused all-reduce + RMSNorm on eight GPUs, hidden 8192 (published table)', () => {
  // us at 512 KiB, 1, 2, 4, 8, 16, 32 MiB.
  // one-shot 12 19 33 64 -; two-shot 87 56 52 50 68 109 204; standard path 29 30 32 51 79 119 195.

  test('B300: the cap of 4 MiB is above the crossover, 1.91 MiB is right', () => {
    const { picks, bands, findings, advice, notes } = only(FUSED_TP8, { gpu: 'B300' });
    expect(picks.map(({ from, last, label }) => [from, last, label])).toEqual([
      [512 * KIB, 2 * MIB, 'fused, one-shot'],
      [2 * MIB + 1, 4 * MIB, 'fused, two-shot'],
      [4 * MIB + 1, 32 * MIB, 'unfused'],
    ]);
    // One-shot and the standard path: 19 against 30 at 1 MiB, 33 against 32 at 2 MiB.
    const equal = crossing(MIB, 2 * MIB, [19, 33], [30, 32]);
    expect(equal / MIB).toBeCloseTo(1.9144, 3);
    const tolerated = crossing(MIB, 2 * MIB, [19, 33], [30, 32], 1.02);
    expect(tolerated / MIB).toBeCloseTo(1.969, 3);
    expect(bands[0]).toMatchObject({ from: Math.ceil(tolerated), last: 2 * MIB });
    expect(bands[0]!.worst).toMatchObject({ bytes: 2 * MIB, pickUs: 33, otherUs: 32, us: 1, percent: 3.125 });
    // Two-shot and the standard path: 52 against 32 at 2 MiB, 50 against 51 at 4 MiB; 2 % at 3.79 MiB.
    const back = crossing(2 * MIB, 4 * MIB, [52, 50], [32, 51], 1.02);
    expect(bands[1]).toMatchObject({ from: 2 * MIB + 1, last: Math.ceil(back) - 1 });
    expect(bands[1]!.worst.us).toBeCloseTo(20, 4);
    expect(bands[1]!.worst.percent).toBeCloseTo(62.5, 3);
    // Rows have 16384 bytes, so 2 MiB are 128 tokens.
    expect(bands[1]!.tokens).toEqual({ from: 129, last: Math.floor(back / 16384) });
    // 8 MiB: 79 against 68.
    expect(bands[2]!.worst).toMatchObject({ bytes: 8 * MIB, us: 11 });
    expect(bands).toHaveLength(3);
    expect(advice!.instructions).toEqual([
      { kind: 'config', text: 'fi_allreduce_fusion_max_size_mb', value: 1.91 },
    ]);
    expect(advice!.after).toBeLessThan(advice!.before);
    expect(findings.map(({ kind, text }) => [kind, text])).toEqual([
      [
        'fusion_cap_too_high',
        'the fusion cap of 4 MiB is above the crossover with the unfused path: from 1.97 MiB to 3.79 MiB, fused, one-shot or fused, two-shot is slower than unfused, by up to 20.0 us an operation (62.5 % at just above 2 MiB); set pass_config.fi_allreduce_fusion_max_size_mb = 1.91',
      ],
      [
        'slower_choice',
        'above 4 MiB to 22.81 MiB, unfused is slower than fused, two-shot, by up to 11.0 us an operation (16.2 % at 8 MiB); a larger pass_config.fi_allreduce_fusion_max_size_mb would take it there, but loses more at other sizes',
      ],
    ]);
    expect(notes).toEqual(['of FlashInfer only trtllm was measured, so that is taken to be its backend']);
  });

  test('H200: one-shot is right to the cap of 512 KiB, and above nothing takes it there', () => {
    const { picks, bands, outOfReach, advice, findings } = only(FUSED_TP8, { gpu: 'H200' });
    expect(picks.map(({ from, last, label }) => [from, last, label])).toEqual([
      [512 * KIB, 512 * KIB, 'fused, one-shot'],
      [512 * KIB + 1, 32 * MIB, 'unfused'],
    ]);
    expect(advice!.instructions).toEqual([]);
    // Two-shot, which a larger cap gives, is best from 4 MiB until 204 / 195 turns it: 119 / 109 ahead at 16 MiB.
    const end = crossing(16 * MIB, 32 * MIB, [119, 195], [109, 204], 1.02);
    expect(bands.map(({ from, last }) => [from, last])).toEqual([[4 * MIB, Math.ceil(end) - 1]]);
    // One-shot is 2 % faster up to where 30 / 19 at 1 MiB and 32 / 33 at 2 MiB pass 1.02.
    const gone = crossing(MIB, 2 * MIB, [30, 32], [19, 33], 1.02);
    expect(outOfReach.map(({ from, last }) => [from, last])).toEqual([[512 * KIB + 1, Math.ceil(gone) - 1]]);
    expect(findings.at(-1)!.text).toBe(
      'above 512 KiB to 1.86 MiB, flashinfer_trtllm_fused_one_shot is faster than unfused, by up to 17.0 us an operation (142 % at just above 512 KiB), but no setting of vllm 0.30 leads to it',
    );
  });

  test('fusion off: what it would give', () => {
    const { findings } = only(FUSED_TP8, { gpu: 'B300', settings: { fusion: false } });
    expect(findings[0]).toMatchObject({ kind: 'fusion_off', from: 512 * KIB });
    // 29 against 12.
    expect(findings[0]!.text).toMatch(
      /^fusion is off: from 512 KiB to 1\.86 MiB, fused, one-shot is faster than unfused, by up to 17\.0 us an operation \(142 % at 512 KiB\); set pass_config\.fuse_allreduce_rms = true and pass_config\.fi_allreduce_fusion_max_size_mb = 1\.91$/,
    );
  });

  test('a cap that is too low', () => {
    const { findings } = only(FUSED_TP8, { gpu: 'B300', settings: { fusionCapMb: 0.5 } });
    expect(findings[0]!.text).toMatch(
      /^the fusion cap of 512 KiB is below the crossover with the unfused path: above 512 KiB to 1\.86 MiB, fused, one-shot is faster than unfused, by up to 17\.0 us .*; set pass_config\.fi_allreduce_fusion_max_size_mb = 1\.91$/,
    );
  });

  test('0.11 has the cap in tokens: 1.91 MiB are 122 rows of 16384 bytes', () => {
    const asked = { version: '0.11', gpu: 'B200', settings: { fusion: true, fusionCapMb: 4 } };
    expect(only(FUSED_TP8, asked).advice!.instructions).toEqual([
      { kind: 'config', text: 'fi_allreduce_fusion_max_token_num', value: 122 },
    ]);
  });

  test('llama-3.1-70b, 160 operations a step, as a share of the step', () => {
    const model = findModel('llama-3.1-70b');
    const { decode } = only(FUSED_TP8, { gpu: 'B300' }, { model, stepMs: 16 });
    const at = (batch: number) => decode!.losses.find((loss) => loss.batch === batch)!;
    // 128 tokens are 2 MiB: 1 us each, 160 us of 16 ms.
    expect(at(128)).toMatchObject({ bytes: 2 * MIB, us: 160, stepMs: 16, percent: 1, best: 'unfused' });
    expect(at(64)).toMatchObject({ us: 0, percent: 0 });
    expect(decode!.assumptions).toContain('a decode step takes 16 ms at every batch size, as given');
    // Without it: (70_553_706_496 - 128_256 * 8192) * 2 / 8 bytes at 8 TB/s, all but the embedding table, are 2.171969792 ms, and 160 operations of 33 us 5.28 ms.
    const estimated = only(FUSED_TP8, { gpu: 'B300' }, { model }).decode!;
    const loss = estimated.losses.find(({ batch }) => batch === 128)!;
    expect(loss.stepMs).toBeCloseTo(2.171969792 + 5.28, 9);
    expect(loss.percent).toBeCloseTo((0.16 / 7.451969792) * 100, 9);
    expect(estimated.assumptions[1]).toMatch(/1\/8 of them on each GPU, at 8 TB\/s \(B300\).*upper bound$/);
  });
});

test('eight H200: one-shot displaces a fast unfused path from 256 to 512 KiB (vLLM issue 44079)', () => {
  // As reported: 1.9 us an operation lost at first, 4.3 at 512 KiB, which is batch 128 of Qwen3-30B-A3B and 7.4 % of its decode.
  const set = setOf(
    {
      flashinfer_trtllm_fused_one_shot: {
        [64 * KIB]: 10,
        [256 * KIB]: 16,
        [384 * KIB]: 20,
        [512 * KIB]: 24.3,
      },
      unfused: { [64 * KIB]: 15, [256 * KIB]: 16, [384 * KIB]: 18.1, [512 * KIB]: 20 },
    },
    { operation: 'all_reduce_rms_norm', hidden: 2048 },
  );
  const { findings, advice, decode, bands } = only(
    set,
    {},
    { model: findModel('qwen3-30b-a3b'), stepMs: 5.58 },
  );
  expect(findings.map(({ kind }) => kind)).toEqual(['fusion_cap_too_high']);
  expect(findings[0]!.text).toMatch(
    /by up to 4\.3 us an operation \(21\.5 % at 512 KiB\); set pass_config\.fi_allreduce_fusion_max_size_mb = 0\.25$/,
  );
  expect(advice!.after).toBe(0);
  // 2 % behind is 16 * (20 / 16)^p against 16 * (18.1 / 16)^p a part p of the way to 384 KiB.
  const part = Math.log(1.02) / Math.log(20 / 18.1);
  expect(bands[0]!.from).toBe(Math.ceil(256 * KIB * 1.5 ** part));
  // 48 layers with two each: 96 * 4.3 us of 5.58 ms.
  const loss = decode!.losses.find(({ batch }) => batch === 128)!;
  expect(loss.us).toBeCloseTo(412.8, 9);
  expect(loss.percent).toBeCloseTo(7.398, 3);
});

describe("vLLM's custom all-reduce and NCCL on four RTX 4090 (published log)", () => {
  // us of custom and NCCL: 64 KiB 13.97 13.96; 128 KiB 17.50 21.77; 512 KiB 42.93 65.09; 1 MiB 81.08 90.22; 2 MiB 156.45 150.93.
  const PCIE = { gpu: '4090', worldSize: 4, nvlink: false };

  test('on PCIe vLLM uses NCCL; custom would win from 128 KiB to 1 MiB, and no setting leads there', () => {
    const { picks, bands, outOfReach, advice, findings, notes } = only(RTX4090, PCIE);
    expect(picks.map(({ from, last, backend }) => [from, last, backend])).toEqual([
      [KIB, 16 * MIB, 'PYNCCL'],
    ]);
    expect(bands).toEqual([]);
    expect(advice!.instructions).toEqual([]);
    const first = crossing(64 * KIB, 128 * KIB, [13.96, 21.77], [13.97, 17.5], 1.02);
    const end = crossing(MIB, 2 * MIB, [90.22, 150.93], [81.08, 156.45], 1.02);
    expect(outOfReach).toHaveLength(1);
    expect(outOfReach[0]).toMatchObject({ from: Math.ceil(first), last: Math.ceil(end) - 1 });
    expect(outOfReach[0]!.worst).toMatchObject({ bytes: 512 * KIB, pickUs: 65.09, otherUs: 42.93 });
    expect(findings.map(({ text }) => text)).toEqual([
      'from 68.29 KiB to 1.53 MiB, vllm_custom is faster than NCCL, by up to 22.2 us an operation (51.6 % at 512 KiB), but no setting of vllm 0.30 leads to it: CUSTOM wants two GPUs, or NVLink between all; VLLM_ALLREDUCE_USE_FLASHINFER_PCIE_IPC=1 is its way for such machines, and was not measured',
    ]);
    expect(notes).toEqual(['measured with f16, which takes as long as bf16']);
  });

  test('were it allowed, it would be bounded too high: 8 MiB, where 1.8 MiB is right', () => {
    const { bands, findings, advice } = only(RTX4090, { ...PCIE, nvlink: true });
    // Below 64 KiB NCCL wins as well: 10.35 against 8.73 at 2 KiB.
    expect(bands.map(({ from, worst }) => [from, worst.bytes])).toEqual([
      [KIB, 2 * KIB],
      [Math.ceil(crossing(MIB, 2 * MIB, [81.08, 156.45], [90.22, 150.93], 1.02)), 8 * MIB - 1],
    ]);
    // 598.21 against 505.03 at 8 MiB.
    expect(bands[1]!.worst.us).toBeCloseTo(93.18, 3);
    expect(findings.map(({ kind, text }) => [kind, text])).toEqual([
      [
        'slower_choice',
        'from 1 KiB to 56.72 KiB, custom all-reduce, 1 stage is slower than NCCL, by up to 1.6 us an operation (18.6 % at 2 KiB); --disable-custom-all-reduce would take it there, but loses more at other sizes',
      ],
      [
        'custom_bounded_too_high',
        'the custom all-reduce is bounded too high: from 1.85 MiB to below 8 MiB, custom all-reduce, 2 stages is slower than NCCL, by up to 93.2 us an operation (18.5 % at just below 8 MiB); --disable-custom-all-reduce would take it there, but loses more at other sizes',
      ],
    ]);
    expect(advice!.instructions).toEqual([]);
  });
});
