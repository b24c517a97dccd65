/** @file What SGLang picks; what holds for every engine: edges, versions, names of GPUs. */
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { dispatch, edgesOf } from '../../dist/interop/engines/dispatch.js';
import { describedVersions, findEngine } from '../../dist/interop/engines/find.js';
import { findGpu, GPUS } from '../../dist/interop/engines/gpus.js';
import { type Asked, configOf, KIB, MIB } from './support/engines.ts';

/** What a plain all-reduce of so many bytes goes to. */
function backend(asked: Asked, bytes: number): string {
  return dispatch(configOf(asked), 'all_reduce', bytes).backend;
}

function label(asked: Asked, bytes: number, operation: 'all_reduce' | 'all_reduce_rms_norm' = 'all_reduce') {
  return dispatch(configOf(asked), operation, bytes).label;
}

describe('SGLang', () => {
  const sglang = (asked: Asked, bytes: number, operation?: 'all_reduce_rms_norm'): string =>
    label({ engine: 'sglang', ...asked }, bytes, operation);
  const PUSH = 'custom all-reduce, one-shot push';
  const PULL = 'custom all-reduce, one-shot pull';
  const TWO = 'custom all-reduce, two-shot pull';
  const MULTICAST = 'custom all-reduce, two-shot by multicast';

  it.each([
    ['replay', 8, 128 * KIB, PUSH, TWO],
    ['replay', 8, 512 * KIB - 16, TWO, MULTICAST],
    ['replay', 8, 16 * MIB, MULTICAST, 'NCCL'],
    ['replay', 4, 384 * KIB, PUSH, TWO],
    ['replay', 4, 16 * MIB, TWO, 'NCCL'],
    ['replay', 2, 16 * MIB, PUSH, 'NCCL'],
    ['eager', 8, 128 * KIB, PUSH, MULTICAST],
    ['eager', 4, 896 * KIB, PUSH, MULTICAST],
  ] as const)('H200, %s, x%i: at %i %s, then %s', (mode, worldSize, bytes, here, then) => {
    expect(sglang({ mode, worldSize }, bytes)).toBe(here);
    expect(sglang({ mode, worldSize }, bytes + 16)).toBe(then);
  });

  test('without multicast two-shot pull takes its place', () => {
    expect(sglang({ multicast: false }, MIB)).toBe(TWO);
  });

  test('B200: two-shot push for four GPUs, one-shot to 8 MiB and by pull above for two', () => {
    expect(sglang({ gpu: 'B200', worldSize: 4 }, 2 * MIB)).toBe('custom all-reduce, two-shot push');
    expect(sglang({ gpu: 'B200', worldSize: 4 }, 8 * MIB + 16)).toBe(TWO);
    expect(sglang({ gpu: 'B200', worldSize: 2 }, 8 * MIB)).toBe(PUSH);
    expect(sglang({ gpu: 'B200', worldSize: 2 }, 8 * MIB + 16)).toBe(PULL);
  });

  test('the older custom all-reduce serves 8 MiB and no more', () => {
    const asked = { engine: 'sglang', version: '2025-11' } as const;
    expect(dispatch(configOf(asked), 'all_reduce', 8 * MIB)).toMatchObject({
      backend: 'CUSTOM',
      algorithms: ['sglang_custom_2stage', 'vllm_custom_2stage', 'vllm_custom'],
    });
    expect(backend(asked, 8 * MIB + 16)).toBe('PYNCCL');
    expect(backend({ ...asked, mode: 'eager' }, 8 * MIB + 16)).toBe('TORCH_DISTRIBUTED');
    expect(backend({ ...asked, worldSize: 3 }, 4096)).toBe('PYNCCL');
    expect(backend({ ...asked, nvlink: false, worldSize: 4 }, 4096)).toBe('PYNCCL');
  });

  test('NCCL on symmetric memory took everything, and now takes what custom leaves', () => {
    const settings = { ncclSymm: true };
    expect(backend({ engine: 'sglang', version: '2025-11', settings }, 4096)).toBe('NCCL_SYMM_MEM');
    expect(backend({ engine: 'sglang', settings }, 4096)).toBe('CUSTOM');
    expect(backend({ engine: 'sglang', settings }, 16 * MIB + 16)).toBe('NCCL_SYMM_MEM');
  });

  test('MSCCL++ takes up to 8 MiB of eight GPUs in graphs; PyTorch symmetric memory what is left', () => {
    const settings = { mscclpp: true, symmMem: true };
    expect(backend({ engine: 'sglang', settings }, 8 * MIB)).toBe('MSCCLPP');
    expect(backend({ engine: 'sglang', settings }, 8 * MIB + 16)).toBe('CUSTOM');
    expect(backend({ engine: 'sglang', settings, worldSize: 4 }, 4096)).toBe('CUSTOM');
    expect(backend({ engine: 'sglang', settings, mode: 'eager' }, 4096)).toBe('CUSTOM');
    expect(backend({ engine: 'sglang', settings: { ...settings, custom: false } }, 128 * MIB)).toBe(
      'SYMM_MEM',
    );
    expect(backend({ engine: 'sglang', settings: { ...settings, custom: false } }, 128 * MIB + 16)).toBe(
      'PYNCCL',
    );
  });

  test('fuses up to 2048 tokens; one-shot to 42 MiB over twice the ranks', () => {
    const asked = { hidden: 8192 };
    expect(sglang(asked, 2.625 * MIB, 'all_reduce_rms_norm')).toBe('fused, one-shot');
    expect(sglang(asked, 2.625 * MIB + 16, 'all_reduce_rms_norm')).toBe('fused, two-shot');
    expect(sglang(asked, 2048 * 16384, 'all_reduce_rms_norm')).toBe('fused, two-shot');
    expect(sglang(asked, 2049 * 16384, 'all_reduce_rms_norm')).toBe('unfused');
    expect(sglang({ ...asked, version: '2025-11' }, 4096, 'all_reduce_rms_norm')).toBe('unfused');
  });
});

test('between two edges the pick is one', () => {
  const size = fc.integer({ min: 1, max: (160 * MIB) / 16 }).map((n) => n * 16);
  const asked = fc.record({
    engine: fc.constantFrom('vllm' as const, 'sglang' as const),
    gpu: fc.constantFrom(...GPUS.map(({ name }) => name)),
    worldSize: fc.integer({ min: 2, max: 16 }),
    mode: fc.constantFrom('eager' as const, 'replay' as const),
    hidden: fc.constantFrom(2048, 8192),
    settings: fc.record({
      custom: fc.boolean(),
      symmMem: fc.boolean(),
      ncclSymm: fc.boolean(),
      flashinfer: fc.boolean(),
      mscclpp: fc.boolean(),
      fusion: fc.boolean(),
    }),
  });
  const operation = fc.constantFrom('all_reduce' as const, 'all_reduce_rms_norm' as const);
  fc.assert(
    fc.property(asked, operation, size, size, (given, what, one, other) => {
      const config = configOf(given);
      const [from, to] = [Math.min(one, other), Math.max(one, other)];
      fc.pre(!edgesOf(config, what).some((edge) => from < edge && edge <= to));
      const [a, b] = [dispatch(config, what, from), dispatch(config, what, to)];
      expect([a.backend, a.label]).toEqual([b.backend, b.label]);
    }),
    { numRuns: 400 },
  );
});

describe('versions', () => {
  test('the newest that is not newer stands in', () => {
    expect(describedVersions('vllm')).toEqual(['0.10', '0.11', '0.23', '0.29', '0.30']);
    expect(findEngine('vllm').engine.version).toBe('0.30');
    expect(findEngine('vllm', 'v0.30.1')).toMatchObject({ engine: { version: '0.30' } });
    expect(findEngine('vllm', '0.25').note).toBe('vllm 0.25 is not described; 0.23 stands in for it');
    expect(findEngine('sglang', '2026-03').engine.version).toBe('2025-11');
  });

  test.each(['0.9', '0', 'new', '0.x'])('"%s" is refused with those that are', (version) => {
    expect(() => findEngine('vllm', version)).toThrow(
      `version of vllm is "${version}"; described are 0.10, 0.11, 0.23, 0.29, 0.30`,
    );
  });

  test('every description has a date and files upstream', () => {
    for (const name of ['vllm', 'sglang'] as const) {
      for (const version of describedVersions(name)) {
        const { source } = findEngine(name, version).engine;
        expect(source.date).toMatch(/^20\d\d(-\d\d)?$/);
        expect(Object.keys(source.files).length).toBeGreaterThan(0);
      }
    }
  });
});

test('GPUs by the names that people and drivers give them', () => {
  expect(findGpu('NVIDIA H200').capability).toBe('9.0');
  expect(findGpu('B300').name).toBe('B300');
  expect(findGpu('GB300').name).toBe('GB300');
  expect(findGpu('NVIDIA GeForce RTX 4090')).toMatchObject({ capability: '8.9', nvlink: false });
  // As the driver names them.
  expect(findGpu('NVIDIA H100 80GB HBM3')).toMatchObject({ nvlink: true, multicast: true, memoryTBs: 3.35 });
  expect(findGpu('NVIDIA H100 PCIe')).toMatchObject({ nvlink: false, multicast: false, memoryTBs: 2 });
  expect(findGpu('NVIDIA A100 80GB PCIe')).toMatchObject({ nvlink: false, multicast: false });
  expect(findGpu('NVIDIA A100-PCIE-40GB')).toMatchObject({ nvlink: false, multicast: false });
  expect(findGpu('NVIDIA A100-SXM4-80GB').nvlink).toBe(true);
  expect(findGpu('NVIDIA H200 NVL')).toMatchObject({ nvlink: true, multicast: false });
  expect(findGpu('NVIDIA H100 NVL')).toMatchObject({ nvlink: false, multicast: false });
  expect(findGpu('5090').capability).toBe('12.0');
  for (const name of ['', '0', 'TPU']) expect(() => findGpu(name)).toThrow(/^gpu is ".*"; use one of GB300/);
});
