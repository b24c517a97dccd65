/**
 * @file SGLang: GroupCoordinator.all_reduce, and fused all-reduce + RMSNorm through FlashInfer, as rules over a version's tables.
 */
import type { SglangData, Thresholds } from './data/sglang-2026-08.ts';
import { atMost, elementBytes, entry, fact, KIB, limited, MIB, multipleOf } from './rules.ts';
import { sglangAlternatives, sglangInstructions } from './sglang-settings.ts';
import type { CheckedOperation, Deployment, Engine, Rule, Settings, Step, Variant } from './types.ts';
import { customStages } from './vllm.ts';

/** The engine of a version's data. */
export function sglang(data: SglangData): Engine {
  return {
    name: 'sglang',
    version: data.version,
    source: data.source,
    defaults: data.defaults,
    steps: (operation, deployment, settings) => steps(data, operation, deployment, settings),
    alternatives: (operation, settings) => sglangAlternatives(data, operation, settings),
    instructions: (from, to) => sglangInstructions(from, to),
    fusionCap: (deployment, settings) => fusionCap(data, deployment, settings),
  };
}

function steps(data: SglangData, operation: CheckedOperation, on: Deployment, settings: Settings): Step[] {
  if (operation === 'all_reduce_rms_norm') return [fused(data, on, settings), UNFUSED];
  const msccl = mscclpp(data, on, settings);
  const own =
    data.customV2 !== undefined && settings.customV2
      ? customV2(data, on, settings)
      : customV1(data, on, settings);
  return [
    ncclSymm(settings, data.ncclSymmFirst ? [msccl] : [msccl, own]),
    flashinfer(data, on, settings),
    // The custom all-reduce is asked first, but not for what MSCCL++ would take.
    msccl,
    own,
    symmMem(data, on, settings),
    lastResort(on),
  ];
}

/** pynccl within CUDA graphs, torch.distributed otherwise: NCCL both. */
function lastResort({ mode }: Deployment): Step {
  const variant = { label: 'NCCL', algorithms: ['nccl'] };
  return step(mode === 'replay' ? 'PYNCCL' : 'TORCH_DISTRIBUTED', [], variant);
}

const UNFUSED: Step = step('UNFUSED', [], {
  label: 'unfused',
  algorithms: ['unfused', 'unfused_compiled', 'unfused_native'],
});

function ncclSymm(settings: Settings, before: readonly Step[]): Step {
  const rules: Rule[] = [fact('--enable-symm-mem', settings.ncclSymm)];
  for (const { backend, rules: others } of before) {
    rules.push({
      text: `not served by ${backend}`,
      holds: (bytes) => !others.every((other) => other.holds(bytes)),
      edges: others.flatMap((other) => other.edges),
    });
  }
  return step('NCCL_SYMM_MEM', rules, { label: 'NCCL on symmetric memory', algorithms: ['nccl_symmetric'] });
}

function mscclpp({ mscclppMax }: SglangData, { worldSize, mode }: Deployment, settings: Settings): Step {
  const rules = [
    fact('--enable-mscclpp', settings.mscclpp),
    fact('a world size of 8, 16, 32', [8, 16, 32].includes(worldSize)),
    fact('in a CUDA graph', mode === 'replay'),
    atMost(mscclppMax),
  ];
  return step('MSCCLPP', rules, { label: 'MSCCL++', algorithms: ['mscclpp'] });
}

function linked({ worldSize, nvlink }: Deployment): Rule {
  return fact('two GPUs, or NVLink between all', worldSize === 2 || nvlink);
}

function customV1({ customMax }: SglangData, on: Deployment, settings: Settings): Step {
  return {
    backend: 'CUSTOM',
    rules: [
      fact('no --disable-custom-all-reduce', settings.custom),
      fact('a world size of 2, 4, 6, 8', [2, 4, 6, 8].includes(on.worldSize)),
      linked(on),
      multipleOf(16),
      atMost(customMax),
    ],
    edges: [256 * KIB, 512 * KIB],
    variant: (bytes) => {
      const stages = customStages(on.worldSize, bytes);
      // The kernel is vLLM's.
      return {
        label: `custom all-reduce, ${stages === 1 ? '1 stage' : '2 stages'}`,
        algorithms: [`sglang_custom_${stages}stage`, `vllm_custom_${stages}stage`, 'vllm_custom'],
      };
    },
  };
}

// ---------- The all-reduce compiled at run time ----------

const NAMES = {
  oneShotPush: { label: 'custom all-reduce, one-shot push', name: 'one_shot_push', standIns: [] },
  oneShotPull: {
    label: 'custom all-reduce, one-shot pull',
    name: 'one_shot_pull',
    standIns: ['vllm_custom_1stage'],
  },
  twoShotPull: {
    label: 'custom all-reduce, two-shot pull',
    name: 'two_shot_pull',
    standIns: ['vllm_custom_2stage'],
  },
  multicast: {
    label: 'custom all-reduce, two-shot by multicast',
    name: 'two_shot_multicast',
    standIns: ['torch_symm_mem_multimem'],
  },
  twoShotPush: { label: 'custom all-reduce, two-shot push', name: 'two_shot_push', standIns: [] },
} as const;

function customV2(data: SglangData, on: Deployment, settings: Settings): Step {
  const major = on.gpu.capability.split('.')[0]!;
  const family = data.customV2?.[major];
  const thresholds = family === undefined ? data.customV2Otherwise : family[on.mode][on.worldSize];
  const clipped =
    thresholds && clip(thresholds, data.customV2Max, on.multicast && multicastBlocks(major, on.worldSize));
  const most =
    clipped &&
    Math.max(clipped.oneShotPull, clipped.twoShotPull, clipped.multicast?.[1] ?? 0, clipped.oneShotPush);
  return {
    backend: 'CUSTOM',
    rules: [
      fact('no --disable-custom-all-reduce', settings.custom),
      linked(on),
      multipleOf(16),
      ...limited(most, `the table for ${on.gpu.capability} and ${on.worldSize} GPUs`, atMost),
    ],
    edges: clipped === undefined ? [] : edges(clipped),
    variant: (bytes) => {
      const { label, name, standIns } =
        NAMES[clipped === undefined ? 'twoShotPull' : algorithm(clipped, bytes)];
      return { label, algorithms: [`sglang_custom_v2_${name}`, 'sglang_custom_v2'], standIns };
    },
  };
}

/** Whether multicast kernels have blocks at all: from 4 GPUs on Hopper, from 5 on Blackwell. */
function multicastBlocks(major: string, worldSize: number): boolean {
  return worldSize >= (major === '9' ? 4 : 5);
}

function clip(thresholds: Thresholds, most: number, multicast: boolean): Thresholds {
  const { multicast: range, twoShotPush, ...rest } = thresholds;
  const within = ([low, high]: readonly [number, number]): readonly [number, number] => [
    Math.min(low, most),
    Math.min(high, most),
  ];
  return {
    oneShotPush: Math.min(rest.oneShotPush, most),
    oneShotPull: Math.min(rest.oneShotPull, most),
    twoShotPull: Math.min(rest.twoShotPull, most),
    ...(range === undefined || !multicast ? {} : { multicast: within(range) }),
    ...(twoShotPush === undefined ? {} : { twoShotPush: within(twoShotPush) }),
  };
}

function algorithm(thresholds: Thresholds, bytes: number): keyof typeof NAMES {
  const inside = (range: readonly [number, number] | undefined): boolean =>
    range !== undefined && range[0] <= bytes && bytes <= range[1];
  if (inside(thresholds.twoShotPush)) return 'twoShotPush';
  if (bytes <= thresholds.oneShotPush) return 'oneShotPush';
  if (bytes <= thresholds.oneShotPull) return 'oneShotPull';
  return inside(thresholds.multicast) ? 'multicast' : 'twoShotPull';
}

function edges({ oneShotPush, oneShotPull, multicast, twoShotPush }: Thresholds): number[] {
  const ranges = [multicast, twoShotPush].flatMap((range) => (range ? [range[0], range[1] + 1] : []));
  return [oneShotPush + 1, oneShotPull + 1, ...ranges];
}

// ---------- PyTorch and FlashInfer ----------

function symmMem(data: SglangData, on: Deployment, settings: Settings): Step {
  const major = on.gpu.capability.split('.')[0]!;
  const most = entry(data.symmMemMax, major, on.worldSize);
  const multimem = data.multimem[major]?.includes(on.worldSize) === true;
  const rules = [
    fact('--enable-torch-symm-mem', settings.symmMem),
    fact('NVLink multicast', on.multicast),
    fact('bf16', on.dtype === 'bf16'),
    multipleOf(4),
    ...limited(most, `the table for ${on.gpu.capability} and ${on.worldSize} GPUs`, atMost),
  ];
  return step('SYMM_MEM', rules, {
    label: `PyTorch symmetric memory, ${multimem ? 'multimem' : 'two-shot'}`,
    algorithms: [`torch_symm_mem_${multimem ? 'multimem' : 'two_shot'}`],
  });
}

/** mnnvl on Blackwell, trtllm on Hopper. */
function flashinferBackend({ flashinferBackend: chosen }: Settings, { gpu }: Deployment): 'mnnvl' | 'trtllm' {
  if (chosen !== 'auto') return chosen;
  return gpu.capability.startsWith('10.') ? 'mnnvl' : 'trtllm';
}

function fusionCap(
  { fusionMaxTokens }: SglangData,
  { hidden, dtype }: Deployment,
  settings: Settings,
): number | undefined {
  if (settings.fusionCapMb !== undefined) return Math.floor(settings.fusionCapMb * MIB);
  return hidden === undefined ? undefined : fusionMaxTokens * hidden * elementBytes(dtype);
}

/** What holds for all that goes through FlashInfer's workspace. */
function workspaceRules(data: SglangData, on: Deployment, settings: Settings): Rule[] {
  const { capability } = on.gpu;
  return [
    fact('capability 9.0 or 10.x', capability === '9.0' || capability.startsWith('10.')),
    fact('a world size of 2, 4, 8', [2, 4, 8].includes(on.worldSize)),
    ...limited(
      fusionCap(data, on, settings),
      `${data.fusionMaxTokens} tokens of a known hidden size`,
      atMost,
    ),
  ];
}

function flashinfer(data: SglangData, on: Deployment, settings: Settings): Step {
  const backend = flashinferBackend(settings, on);
  const rules = [
    fact("FlashInfer's all-reduce is on", settings.flashinfer),
    ...workspaceRules(data, on, settings),
  ];
  return step('FLASHINFER', rules, { label: `FlashInfer ${backend}`, algorithms: [`flashinfer_${backend}`] });
}

function fused(data: SglangData, on: Deployment, settings: Settings): Step {
  const backend = flashinferBackend(settings, on);
  const total = data.fusionOneShotTotal[on.worldSize];
  const oneShot = backend === 'mnnvl' ? Math.floor(MIB / on.worldSize) : (total ?? 0) / (2 * on.worldSize);
  return {
    backend: 'FUSED',
    rules: [fact('all-reduce fusion is on', settings.fusion), ...workspaceRules(data, on, settings)],
    edges: [oneShot + 1],
    variant: (bytes) => {
      const shots = bytes <= oneShot ? 'one' : 'two';
      return { label: `fused, ${shots}-shot`, algorithms: [`flashinfer_${backend}_fused_${shots}_shot`] };
    },
  };
}

function step(backend: string, rules: readonly Rule[], variant: Variant): Step {
  return { backend, rules, edges: [], variant: () => variant };
}
