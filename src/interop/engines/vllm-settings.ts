/**
 * @file vLLM's switches: which there are, and by which environment variable, flag or key one comes from one setting to another.
 */
import type { VllmData } from './data/vllm-0.30.ts';
import { elementBytes, MIB } from './rules.ts';
import {
  type CheckedOperation,
  type Deployment,
  FLASHINFER_BACKENDS,
  FUSE_EVERYTHING,
  type Instruction,
  type Settings,
} from './types.ts';

/** Settings that could be chosen for an operation; the present ones first. */
export function vllmAlternatives(
  data: VllmData,
  operation: CheckedOperation,
  settings: Settings,
): Settings[] {
  if (operation === 'all_reduce_rms_norm') {
    const fused = FLASHINFER_BACKENDS.map((flashinferBackend) => ({
      ...settings,
      fusion: true,
      fusionCapMb: FUSE_EVERYTHING,
      flashinferBackend,
    }));
    return [settings, { ...settings, fusion: true }, { ...settings, fusion: false }, ...fused];
  }
  let found = [settings];
  const vary = (changes: readonly Partial<Settings>[]): void => {
    found = found.flatMap((each) => [each, ...changes.map((change) => ({ ...each, ...change }))]);
  };
  vary([
    { custom: true },
    { custom: true, customStages: 1 },
    { custom: true, customStages: 2 },
    { custom: false, customStages: undefined },
  ]);
  vary([{ symmMem: !settings.symmMem }]);
  if (data.ncclSymm !== undefined) vary([{ ncclSymm: !settings.ncclSymm }]);
  if (data.flashinferAlone) {
    const backends = FLASHINFER_BACKENDS.filter((backend) => backend !== settings.flashinferBackend);
    vary([
      { flashinfer: !settings.flashinfer },
      ...backends.map((flashinferBackend) => ({ flashinfer: true, flashinferBackend })),
    ]);
  }
  if (data.pcieIpc) vary([{ pcieIpc: !settings.pcieIpc }]);
  return found;
}

/** What to set, for what differs. */
export function vllmInstructions(
  { keys, flashinferAlone }: VllmData,
  from: Settings,
  to: Settings,
  { hidden, dtype }: Deployment,
): Instruction[] {
  const found: Instruction[] = [];
  const env = (name: string, before: boolean, after: boolean): void => {
    if (before !== after) found.push({ kind: 'env', text: `${name}=${after ? 1 : 0}` });
  };
  if (from.custom !== to.custom) {
    found.push({
      kind: 'flag',
      text: to.custom ? 'no --disable-custom-all-reduce' : '--disable-custom-all-reduce',
    });
  }
  if (to.custom && from.customStages !== to.customStages) {
    found.push({
      kind: 'env',
      text:
        to.customStages === undefined
          ? 'VLLM_CUSTOM_ALLREDUCE_ALGO unset'
          : `VLLM_CUSTOM_ALLREDUCE_ALGO=${to.customStages}stage`,
    });
  }
  env('VLLM_ALLREDUCE_USE_SYMM_MEM', from.symmMem, to.symmMem);
  env('VLLM_USE_NCCL_SYMM_MEM', from.ncclSymm, to.ncclSymm);
  if (to.ncclSymm && !from.ncclSymm) {
    // Without these NCCL does not register windows for its symmetric kernels.
    found.push({ kind: 'env', text: 'NCCL_CUMEM_ENABLE=1' }, { kind: 'env', text: 'NCCL_NVLS_ENABLE=1' });
  }
  env('VLLM_ALLREDUCE_USE_FLASHINFER', from.flashinfer, to.flashinfer);
  env('VLLM_ALLREDUCE_USE_FLASHINFER_PCIE_IPC', from.pcieIpc, to.pcieIpc);
  if (flashinferAlone && from.flashinferBackend !== to.flashinferBackend) {
    found.push({ kind: 'env', text: `VLLM_FLASHINFER_ALLREDUCE_BACKEND=${to.flashinferBackend}` });
  }
  if (from.fusion !== to.fusion) found.push({ kind: 'config', text: keys.fuse, value: to.fusion });
  if (to.fusion && to.fusionCapMb !== undefined && from.fusionCapMb !== to.fusionCapMb) {
    const tokens = Math.floor((to.fusionCapMb * MIB) / ((hidden ?? 1) * elementBytes(dtype)));
    // A count of tokens needs a hidden size; without one there is nothing to say.
    if (keys.capIn === 'MiB') found.push({ kind: 'config', text: keys.cap, value: to.fusionCapMb });
    else if (hidden !== undefined) found.push({ kind: 'config', text: keys.cap, value: tokens });
  }
  return found;
}
