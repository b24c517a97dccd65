import { describe, expect, it, test } from 'vitest';
import { dispatch, explainPick, missingBackends } from '../../dist/interop/engines/dispatch.js';
import { type Asked, configOf, KIB, MIB } from './support/engines.ts';

/** What a plain all-reduce of so many bytes goes to. */
function backend(asked: Asked, bytes: number): string {
  return dispatch(configOf(asked), 'all_reduce', bytes).backend;
}

function label(asked: Asked, bytes: number, operation: 'all_reduce' | 'all_reduce_rms_norm' = 'all_reduce') {
  return dispatch(configOf(asked), operation, bytes).label;
}

const FI_OFF = { flashinfer: false };

describe('vLLM 0.30, FlashInfer off, PyTorch symmetric memory on', () => {
  // GPU, world size, first size that the custom all-reduce leaves, symmetric memory's kind, its largest size.
  it.each([
    ['H200', 2, 8 * MIB, 'two-shot', 64 * MIB],
    ['H200', 4, 8 * MIB, 'multimem', 32 * MIB],
    ['H200', 6, 512 * KIB, 'multimem', 64 * MIB],
    ['H100', 8, 256 * KIB, 'multimem', 64 * MIB],
    ['B200', 2, 2 * MIB, 'two-shot', 8 * MIB],
    ['B200', 4, 2 * MIB, 'two-shot', 32 * MIB],
    ['B200', 6, MIB, 'multimem', 128 * MIB],
    ['GB200', 8, MIB, 'multimem', 128 * MIB],
    ['B300', 2, 4 * MIB, 'two-shot', 4 * MIB],
    ['B300', 4, 4 * MIB, 'two-shot', 32 * MIB],
    ['B300', 6, 8 * MIB, 'multimem', 32 * MIB],
    ['GB300', 8, 4 * MIB, 'multimem', 64 * MIB],
  ])('%s x%i: custom below %i, then %s to %i', (gpu, worldSize, customEnd, kind, symmMax) => {
    const asked = { gpu, worldSize, settings: FI_OFF };
    expect(backend(asked, 16)).toBe('CUSTOM');
    expect(backend(asked, customEnd - 16)).toBe('CUSTOM');
    expect(label(asked, customEnd)).toBe(`PyTorch symmetric memory, ${kind}`);
    expect(backend(asked, symmMax)).toBe('SYMM_MEM');
    expect(backend(asked, symmMax + 16)).toBe('PYNCCL');
  });

  it.each(['A100', 'L40S'])('%s has no table: custom to 8 MiB with NVLink, then NCCL', (gpu) => {
    const asked = { gpu, nvlink: true };
    expect(backend(asked, 8 * MIB - 16)).toBe('CUSTOM');
    expect(backend(asked, 8 * MIB)).toBe('PYNCCL');
  });

  test('without symmetric memory the table does not hold', () => {
    const asked = { settings: { ...FI_OFF, symmMem: false } };
    expect(backend(asked, 256 * KIB)).toBe('CUSTOM');
    expect(backend(asked, 8 * MIB - 16)).toBe('CUSTOM');
    expect(backend(asked, 8 * MIB)).toBe('PYNCCL');
  });

  test.each([
    ['no multicast', { multicast: false }],
    ['batch-invariant', { settings: { ...FI_OFF, batchInvariant: true } }],
  ] as const)('%s: symmetric memory is off, and so is its limit', (_, asked) => {
    expect(backend({ settings: FI_OFF, ...asked }, MIB)).toBe('CUSTOM');
    expect(backend({ settings: FI_OFF, ...asked }, 8 * MIB)).toBe('PYNCCL');
  });

  test.each(['f16', 'f32'])('%s: symmetric memory takes bf16 only, the limit holds all the same', (dtype) => {
    expect(backend({ dtype, settings: FI_OFF }, 256 * KIB - 16)).toBe('CUSTOM');
    expect(backend({ dtype, settings: FI_OFF }, 256 * KIB)).toBe('PYNCCL');
  });

  test('the custom all-reduce wants multiples of 16 bytes; symmetric memory of 4', () => {
    expect(backend({ settings: FI_OFF }, 4096)).toBe('CUSTOM');
    expect(backend({ settings: FI_OFF }, 4098)).toBe('PYNCCL');
    expect(backend({ settings: FI_OFF }, 4100)).toBe('SYMM_MEM');
  });

  test.each([3, 5, 7, 16])('%i GPUs: no custom, no symmetric memory', (worldSize) => {
    expect(backend({ worldSize, settings: FI_OFF }, 4096)).toBe('PYNCCL');
  });

  test('on PCIe two GPUs have the custom all-reduce, four have not', () => {
    const asked = { gpu: '4090', settings: FI_OFF };
    expect(backend({ ...asked, worldSize: 2 }, 4096)).toBe('CUSTOM');
    expect(backend({ ...asked, worldSize: 4 }, 4096)).toBe('PYNCCL');
    expect(explainPick(dispatch(configOf({ ...asked, worldSize: 4 }), 'all_reduce', 4096))).toMatch(
      /CUSTOM: not two GPUs, or NVLink between all; SYMM_MEM: not NVLink multicast, .*PYNCCL: what remains$/,
    );
  });
});

describe('stages of the custom all-reduce', () => {
  it.each([
    [2, 8 * MIB - 16, 1],
    [4, 512 * KIB - 16, 1],
    [4, 512 * KIB, 2],
    [6, 256 * KIB - 16, 1],
    [6, 256 * KIB, 2],
    [8, 256 * KIB - 16, 1],
    [8, 256 * KIB, 2],
  ])('%i GPUs, %i bytes: %i', (worldSize, bytes, stages) => {
    const config = configOf({ gpu: 'A100', worldSize });
    const { algorithms } = dispatch(config, 'all_reduce', bytes);
    expect(algorithms).toEqual([`vllm_custom_${stages}stage`, 'vllm_custom']);
  });

  test('a forced count has no other name', () => {
    const config = configOf({ gpu: 'A100', settings: { customStages: 1 } });
    expect(dispatch(config, 'all_reduce', MIB).algorithms).toEqual(['vllm_custom_1stage']);
  });
});

describe('NCCL on symmetric memory', () => {
  const SYMM = { ...FI_OFF, ncclSymm: true };

  it.each([
    [4, 16 * KIB, true],
    [4, 16 * KIB + 2, false],
    [4, 512 * KIB - 2, false],
    [4, 512 * KIB, true],
    [8, 16 * KIB, true],
    [8, 16 * KIB + 2, false],
    [8, 128 * KIB - 2, false],
    [8, 128 * KIB, true],
    [2, MIB, false],
    [5, MIB, false],
    [6, MIB, false],
    [7, MIB, false],
    [16, 4096, true],
  ])('%i GPUs, %i bytes: %s', (worldSize, bytes, served) => {
    expect(backend({ worldSize, settings: SYMM }, bytes) === 'NCCL_SYMM_MEM').toBe(served);
  });

  test('batch-invariant puts it off', () => {
    expect(backend({ settings: { ...SYMM, batchInvariant: true } }, 4096)).toBe('CUSTOM');
  });

  test('0.11 takes it from one size upwards', () => {
    for (const [worldSize, least] of [
      [4, 2 * MIB],
      [8, MIB],
    ] as const) {
      const asked = { version: '0.11', worldSize, settings: { ncclSymm: true } };
      expect(backend(asked, least)).toBe('NCCL_SYMM_MEM');
      expect(backend(asked, least - 16)).not.toBe('NCCL_SYMM_MEM');
    }
    expect(backend({ version: '0.10', settings: { ncclSymm: true } }, MIB)).toBe('CUSTOM');
  });

  test('0.30 gives FlashInfer precedence, 0.29 does not', () => {
    const settings = { ncclSymm: true, flashinferBackend: 'trtllm' } as const;
    expect(backend({ version: '0.30', settings }, 4096)).toBe('FLASHINFER');
    expect(backend({ version: '0.30', settings }, 512 * KIB + 16)).toBe('NCCL_SYMM_MEM');
    expect(backend({ version: '0.29', settings }, 4096)).toBe('NCCL_SYMM_MEM');
  });
});

describe('FlashInfer without a norm', () => {
  it.each([
    ['H200', 8, 0.5 * MIB],
    ['H200', 4, 2 * MIB],
    ['H200', 2, 64 * MIB],
    ['B200', 8, MIB],
    ['B200', 4, 32 * MIB],
    ['B300', 8, 4 * MIB],
    ['B300', 4, 64 * MIB],
  ])('trtllm on %s x%i serves to %i', (gpu, worldSize, most) => {
    const asked = { gpu, worldSize, settings: { flashinferBackend: 'trtllm' } } as const;
    expect(backend(asked, most)).toBe('FLASHINFER');
    expect(backend(asked, most + 16)).not.toBe('FLASHINFER');
  });

  test('auto is mnnvl where there is multicast, with a third of the table', () => {
    expect(label({}, 16 * KIB)).toBe('FlashInfer mnnvl');
    // 524288 / 3 is 174762.7.
    expect(backend({}, 174752)).toBe('FLASHINFER');
    expect(backend({}, 174768)).toBe('CUSTOM');
    expect(label({ multicast: false }, 16 * KIB)).toBe('FlashInfer trtllm');
  });

  test('four B300 have a limit of their own with mnnvl: below 80 MiB', () => {
    const asked = { gpu: 'B300', worldSize: 4 };
    expect(backend(asked, 80 * MIB - 16)).toBe('FLASHINFER');
    expect(backend(asked, 80 * MIB)).toBe('PYNCCL');
    expect(backend({ ...asked, version: '0.29' }, 80 * MIB - 16)).toBe('PYNCCL');
  });

  test('it is off by default before 0.29, and is none before 0.23', () => {
    expect(backend({ version: '0.29' }, 4096)).toBe('FLASHINFER');
    expect(backend({ version: '0.23' }, 4096)).toBe('CUSTOM');
    expect(backend({ version: '0.11', settings: { flashinfer: true } }, 4096)).toBe('CUSTOM');
  });

  test('one-shot to the limit of the fused kernel; a measurement of either kind counts', () => {
    const config = configOf({ gpu: 'B300', settings: { flashinferBackend: 'trtllm' } });
    const names = (bytes: number): readonly string[] => dispatch(config, 'all_reduce', bytes).algorithms;
    expect(names(2 * MIB)).toEqual(['flashinfer_trtllm', 'flashinfer_trtllm_one_shot']);
    expect(names(2 * MIB + 16)).toEqual(['flashinfer_trtllm', 'flashinfer_trtllm_two_shot']);
  });

  test('that for PCIe comes first where it is on', () => {
    const asked = { gpu: '4090', worldSize: 4, hidden: 4096, settings: { pcieIpc: true } };
    expect(backend(asked, 4096)).toBe('FLASHINFER_PCIE_IPC');
    expect(backend({ ...asked, hidden: undefined }, 4096)).toBe('PYNCCL');
    expect(backend({ ...asked, version: '0.29' }, 4096)).toBe('PYNCCL');
  });
});

test('0.10: custom all-reduce below 8 MiB and NCCL, since symmetric memory is off', () => {
  expect(backend({ version: '0.10' }, 8 * MIB - 16)).toBe('CUSTOM');
  expect(backend({ version: '0.10' }, 8 * MIB)).toBe('PYNCCL');
  expect(backend({ version: '0.11' }, 256 * KIB)).toBe('SYMM_MEM');
  // Up to 0.11 the largest size itself was not served.
  expect(backend({ version: '0.11' }, 64 * MIB)).toBe('PYNCCL');
});

describe('fused all-reduce and RMSNorm in vLLM', () => {
  const TRTLLM = { flashinferBackend: 'trtllm' } as const;
  const fused = (asked: Asked, bytes: number): string =>
    label({ settings: TRTLLM, ...asked }, bytes, 'all_reduce_rms_norm');

  // GPU, world size, largest message that is fused, largest that is one-shot.
  it.each([
    ['H200', 2, 64 * MIB, 32 * MIB],
    ['H200', 4, 2 * MIB, 2 * MIB],
    ['H200', 8, 0.5 * MIB, 0.5 * MIB],
    ['B200', 2, 64 * MIB, 32 * MIB],
    ['B200', 4, 32 * MIB, 4 * MIB],
    ['B200', 8, MIB, MIB],
    ['B300', 2, 64 * MIB, 32 * MIB],
    ['B300', 4, 64 * MIB, 4 * MIB],
    ['B300', 8, 4 * MIB, 2 * MIB],
  ])('%s x%i: to %i, one-shot to %i', (gpu, worldSize, cap, oneShot) => {
    const asked = { gpu, worldSize };
    expect(fused(asked, oneShot)).toBe('fused, one-shot');
    if (oneShot < cap) expect(fused(asked, oneShot + 16)).toBe('fused, two-shot');
    expect(fused(asked, cap)).toMatch(/^fused/);
    expect(fused(asked, cap + 16)).toBe('unfused');
  });

  test('a cap that is given replaces the table, in whole rows where the hidden size is known', () => {
    const settings = { ...TRTLLM, fusionCapMb: 1.91 };
    // 1.91 MiB are 2002780 bytes, or 122 rows of 8192 bf16 elements.
    expect(fused({ settings }, 2002768)).toBe('fused, two-shot');
    expect(fused({ settings, hidden: 8192 }, 122 * 16384)).toBe('fused, two-shot');
    expect(fused({ settings, hidden: 8192 }, 122 * 16384 + 16)).toBe('unfused');
  });

  test.each([
    ['off', { settings: { ...TRTLLM, fusion: false } }],
    ['batch-invariant', { settings: { ...TRTLLM, batchInvariant: true } }],
    ['another capability', { gpu: 'A100' }],
    ['a world size without an entry', { worldSize: 6 }],
    ['off by default in 0.11', { version: '0.11' }],
  ] as [string, Asked][])('unfused: %s', (_, asked) => {
    expect(fused(asked, 4096)).toBe('unfused');
  });

  test('with mnnvl FlashInfer decides: one-shot while all messages are 1 MiB together', () => {
    const asked = { gpu: 'B200', settings: { flashinferBackend: 'mnnvl' } } as const;
    expect(fused(asked, 128 * KIB)).toBe('fused, one-shot');
    expect(fused(asked, 128 * KIB + 16)).toBe('fused, two-shot');
  });
});

describe('backends that the log does not list', () => {
  test('are named, and their limits on others do not hold', () => {
    const asked = { settings: FI_OFF, backends: ['CUSTOM', 'PYNCCL'] };
    expect(missingBackends(configOf(asked))).toEqual(['SYMM_MEM']);
    expect(backend(asked, MIB)).toBe('CUSTOM');
    expect(backend(asked, 8 * MIB)).toBe('PYNCCL');
  });

  test('are none where the settings do not promise them', () => {
    const listed = { backends: ['PYNCCL'], settings: { ...FI_OFF, custom: false, symmMem: false } };
    expect(missingBackends(configOf(listed))).toEqual([]);
    expect(missingBackends(configOf({ settings: FI_OFF }))).toEqual([]);
  });
});
