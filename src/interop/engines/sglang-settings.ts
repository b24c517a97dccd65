/**
 * @file SGLang's switches: which there are, and by which flag or environment variable one comes from one setting to another.
 */
import type { SglangData } from './data/sglang-2026-08.ts';
import type { CheckedOperation, Instruction, Settings } from './types.ts';

/** Settings that could be chosen for an operation; the present ones first. */
export function sglangAlternatives(
  data: SglangData,
  operation: CheckedOperation,
  settings: Settings,
): Settings[] {
  if (operation === 'all_reduce_rms_norm') return [settings, { ...settings, fusion: !settings.fusion }];
  let found = [settings];
  const vary = (changes: readonly Partial<Settings>[]): void => {
    found = found.flatMap((each) => [each, ...changes.map((change) => ({ ...each, ...change }))]);
  };
  vary([{ custom: !settings.custom }]);
  if (data.customV2 !== undefined) vary([{ customV2: !settings.customV2 }]);
  for (const name of ['symmMem', 'ncclSymm', 'mscclpp'] as const) vary([{ [name]: !settings[name] }]);
  return found;
}

const FLAGS = {
  symmMem: '--enable-torch-symm-mem',
  ncclSymm: '--enable-symm-mem',
  mscclpp: '--enable-mscclpp',
} as const;

/** What to set, for what differs. */
export function sglangInstructions(from: Settings, to: Settings): Instruction[] {
  const found: Instruction[] = [];
  const flag = (text: string, on: boolean): void => {
    found.push({ kind: 'flag', text: on ? text : `no ${text}` });
  };
  if (from.custom !== to.custom) flag('--disable-custom-all-reduce', !to.custom);
  if (to.custom && from.customV2 !== to.customV2) {
    found.push({ kind: 'env', text: `SGLANG_OPT_USE_CUSTOM_ALL_REDUCE_V2=${to.customV2 ? 1 : 0}` });
  }
  for (const name of ['symmMem', 'ncclSymm', 'mscclpp'] as const) {
    if (from[name] !== to[name]) flag(FLAGS[name], to[name]);
  }
  if (from.fusion !== to.fusion) {
    flag(
      to.fusion
        ? `--flashinfer-allreduce-fusion-backend ${to.flashinferBackend}`
        : '--enforce-disable-flashinfer-allreduce-fusion',
      true,
    );
  } else if (to.fusion && from.flashinferBackend !== to.flashinferBackend) {
    flag(`--flashinfer-allreduce-fusion-backend ${to.flashinferBackend}`, true);
  }
  return found;
}
