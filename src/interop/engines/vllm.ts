/**
 * @file vLLM: CudaCommunicator.all_reduce, and the pass that fuses all-reduce and RMSNorm, as rules over a version's tables.
 */
import type { VllmData } from './data/vllm-0.30.ts';
import {
  atLeast,
  atMost,
  below,
  elementBytes,
  entry,
  fact,
  KIB,
  limited,
  MIB,
  multipleOf,
  outside,
} from './rules.ts';
import type { CheckedOperation, Deployment, Engine, Rule, Settings, Step, Variant } from './types.ts';
import { vllmAlternatives, vllmInstructions } from './vllm-settings.ts';

/** World sizes that the custom all-reduce and FlashInfer's fusion are built for. */
const CUSTOM_WORLD_SIZES = [2, 4, 6, 8];
const FUSION_WORLD_SIZES = [2, 4, 8, 16];

/** The engine of a version's data. */
export function vllm(data: VllmData): Engine {
  return {
    name: 'vllm',
    version: data.version,
    source: data.source,
    defaults: data.defaults,
    steps: (operation, deployment, settings) => steps(data, operation, deployment, settings),
    alternatives: (operation, settings) => vllmAlternatives(data, operation, settings),
    instructions: (from, to, deployment) => vllmInstructions(data, from, to, deployment),
    fusionCap: (deployment, settings) => fusionCap(data, deployment, settings),
  };
}

function steps(data: VllmData, operation: CheckedOperation, on: Deployment, settings: Settings): Step[] {
  if (operation === 'all_reduce_rms_norm') return [fused(data, on, settings), UNFUSED];
  const flash = flashinfer(data, on, settings);
  return [
    ncclSymm(data, on, settings, data.ncclSymmFirst ? undefined : flash),
    pcieIpc(data, on, settings),
    flash,
    custom(data, on, settings),
    symmMem(data, on, settings),
    PYNCCL,
  ];
}

const PYNCCL: Step = {
  backend: 'PYNCCL',
  rules: [],
  edges: [],
  variant: () => ({ label: 'NCCL', algorithms: ['nccl'] }),
};

/** What the fused kernel stands for; the norm is a kernel of vLLM's, or compiled. */
const UNFUSED: Step = {
  backend: 'UNFUSED',
  rules: [],
  edges: [],
  variant: () => ({ label: 'unfused', algorithms: ['unfused', 'unfused_compiled', 'unfused_native'] }),
};

/** `before` is what takes precedence although it is asked later. */
function ncclSymm(
  { ncclSymm: rule }: VllmData,
  { worldSize }: Deployment,
  settings: Settings,
  before: Step | undefined,
): Step {
  const rules: Rule[] = [
    fact('VLLM_USE_NCCL_SYMM_MEM=1', settings.ncclSymm),
    fact('not batch-invariant', !settings.batchInvariant),
  ];
  if (rule === undefined) rules.push(fact('this version has it', false));
  else if (rule.kind === 'from') {
    const least = rule.least[worldSize];
    rules.push(...limited(least, `the threshold for ${worldSize} GPUs`, atLeast));
  } else {
    const range = rule.ranges[worldSize];
    rules.push(
      range === undefined
        ? fact(
            `a world size of ${Object.keys(rule.ranges).join(', ')} or above ${rule.alwaysAbove}`,
            worldSize > rule.alwaysAbove,
          )
        : outside(...range),
    );
  }
  if (before !== undefined) {
    const served = (bytes: number): boolean => before.rules.every((other) => other.holds(bytes));
    const edges = before.rules.flatMap((other) => other.edges);
    rules.push({ text: `not served by ${before.backend}`, holds: (bytes) => !served(bytes), edges });
  }
  return step('NCCL_SYMM_MEM', rules, {
    label: 'NCCL on symmetric memory',
    algorithms: ['nccl_symmetric'],
  });
}

function pcieIpc(data: VllmData, { worldSize, dtype, hidden }: Deployment, settings: Settings): Step {
  const rules = [
    fact('VLLM_ALLREDUCE_USE_FLASHINFER_PCIE_IPC=1', settings.pcieIpc && data.pcieIpc),
    fact('not batch-invariant', !settings.batchInvariant),
    fact('a world size of 2, 4, 8', [2, 4, 8].includes(worldSize)),
    fact('bf16 or f16', dtype === 'bf16' || dtype === 'f16'),
    fact('a hidden size', hidden !== undefined),
  ];
  return step('FLASHINFER_PCIE_IPC', rules, {
    label: 'FlashInfer for PCIe',
    algorithms: ['flashinfer_pcie_ipc'],
  });
}

/** `auto` tries mnnvl first, which needs multicast, and then trtllm; before there was a choice it was trtllm. */
function flashinferBackend(
  { flashinferAlone }: VllmData,
  { flashinferBackend: chosen }: Settings,
  { multicast }: Deployment,
): 'mnnvl' | 'trtllm' {
  if (!flashinferAlone) return 'trtllm';
  if (chosen !== 'auto') return chosen;
  return multicast ? 'mnnvl' : 'trtllm';
}

/** FlashInfer decides itself between one-shot and two-shot with mnnvl: one-shot while all ranks' messages together are at most this. */
const MNNVL_ONE_SHOT_TOTAL = MIB;

function flashinfer(data: VllmData, on: Deployment, settings: Settings): Step {
  const backend = flashinferBackend(data, settings, on);
  const { capability } = on.gpu;
  const tuned = backend === 'mnnvl' ? entry(data.mnnvlBelow, capability, on.worldSize) : undefined;
  const table = entry(data.fusionMax, capability, on.worldSize);
  // mnnvl rotates three buffers in the workspace that the table sizes.
  const usable = table === undefined || backend === 'trtllm' ? table : table / 3;
  const rules = [
    fact('VLLM_ALLREDUCE_USE_FLASHINFER=1', settings.flashinfer && data.flashinferAlone),
    fact('not batch-invariant', !settings.batchInvariant),
    ...(tuned === undefined
      ? limited(usable, `the table for ${capability} and ${on.worldSize} GPUs`, atMost)
      : [below(tuned)]),
  ];
  const limit = oneShotLimit(data, on, backend);
  return {
    backend: 'FLASHINFER',
    rules,
    edges: Number.isFinite(limit) ? [limit + 1] : [],
    variant: (bytes) => ({
      label: `FlashInfer ${backend}`,
      algorithms: [`flashinfer_${backend}`, `flashinfer_${backend}_${bytes <= limit ? 'one' : 'two'}_shot`],
    }),
  };
}

/** Largest message that FlashInfer reduces one-shot, fused or not. */
function oneShotLimit(data: VllmData, { gpu, worldSize }: Deployment, backend: 'mnnvl' | 'trtllm'): number {
  if (backend === 'mnnvl') return Math.floor(MNNVL_ONE_SHOT_TOTAL / worldSize);
  return entry(data.fusionOneShot, gpu.capability, worldSize) ?? Number.POSITIVE_INFINITY;
}

function custom(data: VllmData, on: Deployment, settings: Settings): Step {
  const { worldSize, nvlink } = on;
  const beside = symmMemUsable(data, on, settings)
    ? entry(data.customBesideSymmMem, on.gpu.capability, worldSize)
    : undefined;
  // The table only lowers the limit: its entries of 32 and 64 MiB are 8 MiB in effect.
  const limit = Math.min(data.customMax, beside ?? data.customMax);
  return {
    backend: 'CUSTOM',
    rules: [
      fact('no --disable-custom-all-reduce', settings.custom),
      fact(`a world size of ${CUSTOM_WORLD_SIZES.join(', ')}`, CUSTOM_WORLD_SIZES.includes(worldSize)),
      fact('two GPUs, or NVLink between all', worldSize === 2 || nvlink),
      multipleOf(16),
      below(limit),
    ],
    edges: [256 * KIB, 512 * KIB],
    variant: (bytes) => {
      const natural = customStages(worldSize, bytes);
      const stages = settings.customStages ?? natural;
      return {
        label: `custom all-reduce, ${stages === 1 ? '1 stage' : '2 stages'}`,
        algorithms: [`vllm_custom_${stages}stage`, ...(stages === natural ? ['vllm_custom'] : [])],
      };
    },
  };
}

/** The kernel's own choice: one stage for two GPUs, and for small messages. */
export function customStages(worldSize: number, bytes: number): 1 | 2 {
  if (worldSize === 2) return 1;
  return bytes < (worldSize <= 4 ? 512 * KIB : 256 * KIB) ? 1 : 2;
}

/** What has to hold for PyTorch's symmetric memory to come up, whatever the message. It is dropped without multicast even for two-shot. */
function symmMemRules(data: VllmData, on: Deployment, settings: Settings): Rule[] {
  const { capability } = on.gpu;
  return [
    fact('VLLM_ALLREDUCE_USE_SYMM_MEM=1', settings.symmMem),
    fact('not batch-invariant', !settings.batchInvariant),
    fact('NVLink multicast', on.multicast),
    fact(
      `the table for ${capability} and ${on.worldSize} GPUs has an entry`,
      entry(data.symmMemMax, capability, on.worldSize) !== undefined,
    ),
  ];
}

function symmMemUsable(data: VllmData, on: Deployment, settings: Settings): boolean {
  return symmMemRules(data, on, settings).every((rule) => rule.holds(0));
}

function symmMem(data: VllmData, on: Deployment, settings: Settings): Step {
  const { capability } = on.gpu;
  const most = entry(data.symmMemMax, capability, on.worldSize) ?? 0;
  const multimem = data.multimem[capability]?.includes(on.worldSize) === true;
  const rules = [
    ...symmMemRules(data, on, settings),
    fact('bf16', on.dtype === 'bf16'),
    multipleOf(4),
    data.symmMemInclusive ? atMost(most) : below(most),
  ];
  return step('SYMM_MEM', rules, {
    label: `PyTorch symmetric memory, ${multimem ? 'multimem' : 'two-shot'}`,
    algorithms: [`torch_symm_mem_${multimem ? 'multimem' : 'two_shot'}`],
  });
}

// ---------- Fusion ----------

function fusionCap(
  data: VllmData,
  { gpu, worldSize }: Deployment,
  { fusionCapMb }: Settings,
): number | undefined {
  return fusionCapMb === undefined
    ? entry(data.fusionMax, gpu.capability, worldSize)
    : Math.floor(fusionCapMb * MIB);
}

function fused(data: VllmData, on: Deployment, settings: Settings): Step {
  const { worldSize, hidden, dtype } = on;
  const { capability } = on.gpu;
  const backend = flashinferBackend(data, settings, on);
  const cap = fusionCap(data, on, settings);
  const row = hidden === undefined ? undefined : hidden * elementBytes(dtype);
  // Whole rows: a cap between two of them is the lower one.
  const whole = cap === undefined || row === undefined ? cap : Math.floor(cap / row) * row;
  const limit = oneShotLimit(data, on, backend);
  return {
    backend: 'FUSED',
    rules: [
      fact(data.keys.fuse, settings.fusion),
      fact('not batch-invariant', !settings.batchInvariant),
      fact('capability 9.0 or 10.x', capability === '9.0' || capability.startsWith('10.')),
      fact(`a world size of ${FUSION_WORLD_SIZES.join(', ')}`, FUSION_WORLD_SIZES.includes(worldSize)),
      ...limited(whole, `the table for ${capability} and ${worldSize} GPUs`, atMost),
    ],
    edges: Number.isFinite(limit) ? [limit + 1] : [],
    variant: (bytes) => {
      const shots = bytes <= limit ? 'one' : 'two';
      return {
        label: `fused, ${shots}-shot`,
        algorithms: [`flashinfer_${backend}_fused_${shots}_shot`],
      };
    },
  };
}

function step(backend: string, rules: readonly Rule[], variant: Variant): Step {
  return { backend, rules, edges: [], variant: () => variant };
}
