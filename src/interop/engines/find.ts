/**
 * @file The engines that are described, and the description that a version is served by.
 */
import { CrossoverError } from '../../errors.ts';
import { SGLANG_2025_11 } from './data/sglang-2025-11.ts';
import { SGLANG_2026_08 } from './data/sglang-2026-08.ts';
import { VLLM_0_10 } from './data/vllm-0.10.ts';
import { VLLM_0_11 } from './data/vllm-0.11.ts';
import { VLLM_0_23 } from './data/vllm-0.23.ts';
import { VLLM_0_29 } from './data/vllm-0.29.ts';
import { VLLM_0_30 } from './data/vllm-0.30.ts';
import { sglang } from './sglang.ts';
import type { Engine } from './types.ts';
import { vllm } from './vllm.ts';

export const ENGINE_NAMES = ['vllm', 'sglang'] as const;

export type ServingEngineName = (typeof ENGINE_NAMES)[number];

/** Oldest first. */
const DESCRIBED: Readonly<Record<ServingEngineName, readonly Engine[]>> = {
  vllm: [VLLM_0_10, VLLM_0_11, VLLM_0_23, VLLM_0_29, VLLM_0_30].map(vllm),
  sglang: [SGLANG_2025_11, SGLANG_2026_08].map(sglang),
};

/** Versions that are described, oldest first. */
export function describedVersions(name: ServingEngineName): string[] {
  return DESCRIBED[name].map(({ version }) => version);
}

export interface FoundEngine {
  readonly engine: Engine;
  /** Where another version stands in for the one that was asked for. */
  readonly note?: string | undefined;
}

/**
 * The engine at a version: the newest described that is not newer, or the newest when no version is given. SGLang's versions are dates, `2026-08`.
 * Throws CrossoverError for versions before all that are described, or that are none.
 */
export function findEngine(name: ServingEngineName, version?: string): FoundEngine {
  const described = DESCRIBED[name];
  const newest = described.at(-1)!;
  if (version === undefined) return { engine: newest };
  const asked = numbers(version);
  const found = described.findLast((engine) => compareNumbers(numbers(engine.version), asked) <= 0);
  if (asked.length < 2 || asked.some(Number.isNaN) || found === undefined) {
    throw new CrossoverError(
      `version of ${name} is "${version}"; described are ${describedVersions(name).join(', ')}, which also stand for what follows them`,
    );
  }
  const same = numbers(found.version).every((part, i) => part === asked[i]);
  return same
    ? { engine: found }
    : { engine: found, note: `${name} ${version} is not described; ${found.version} stands in for it` };
}

function numbers(version: string): number[] {
  return version.replace(/^v/, '').split(/[.-]/).slice(0, 2).map(Number);
}

function compareNumbers(a: readonly number[], b: readonly number[]): number {
  return a[0]! - b[0]! || a[1]! - b[1]!;
}
