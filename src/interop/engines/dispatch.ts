/**
 * @file What an engine picks for a message, and why: the first backend whose rules all hold, with those that were passed over and the rule that
 * failed them.
 */
import type { CheckedOperation, Deployment, Engine, Settings, Step, Variant } from './types.ts';

export interface EngineConfig {
  readonly engine: Engine;
  readonly deployment: Deployment;
  readonly settings: Settings;
  /** Backends that the engine's log says it uses; others are passed over. Absent is what the settings promise. */
  readonly backends?: readonly string[] | undefined;
}

/** A backend that was asked, and what its rules answered. */
export interface Attempt {
  readonly backend: string;
  readonly taken: boolean;
  readonly rules: readonly { readonly text: string; readonly holds: boolean }[];
}

export interface Pick extends Variant {
  readonly backend: string;
  readonly attempts: readonly Attempt[];
}

/** Backends of fused operations are none of the engine's log. */
const NOT_LOGGED = new Set(['FUSED', 'UNFUSED', 'TORCH_DISTRIBUTED']);

/** What an engine picks for an operation on so many bytes. */
export function dispatch(config: EngineConfig, operation: CheckedOperation, bytes: number): Pick {
  return dispatcher(config, operation)(bytes);
}

/** The same for many sizes: the rules are made once. */
export function dispatcher(config: EngineConfig, operation: CheckedOperation): (bytes: number) => Pick {
  const steps = stepsOf(config, operation);
  return (bytes) => {
    const attempts: Attempt[] = [];
    for (const [i, step] of steps.entries()) {
      const rules = step.rules.map(({ text, holds }) => ({ text, holds: holds(bytes) }));
      // The last is what remains: nothing else could serve the message.
      const taken = i === steps.length - 1 || rules.every((rule) => rule.holds);
      attempts.push({ backend: step.backend, taken, rules });
      if (taken) return { backend: step.backend, ...step.variant(bytes), attempts };
    }
    throw new Error('an engine has at least one backend');
  };
}

/** Sizes at which what it picks may change: the first size of the new choice. */
export function edgesOf(config: EngineConfig, operation: CheckedOperation): number[] {
  const steps = stepsOf(config, operation);
  return [...new Set(steps.flatMap((step) => [...step.edges, ...step.rules.flatMap((rule) => rule.edges)]))];
}

/** Names that the engine's log may list, whatever comes up. */
export function loggedBackends({ engine, deployment, settings }: EngineConfig): string[] {
  // Outside of CUDA graphs SGLang ends with another one, which no log lists.
  const steps = engine.steps('all_reduce', { ...deployment, mode: 'replay' }, settings);
  return steps.map(({ backend }) => backend).filter(logged);
}

/** Backends that the settings promise for some size, but that the engine's log does not list. */
export function missingBackends({ backends, ...promised }: EngineConfig): string[] {
  if (backends === undefined) return [];
  const steps = stepsOf(promised, 'all_reduce');
  const reachable = steps.filter(({ rules }) =>
    rules.every((rule) => rule.edges.length > 0 || rule.holds(0)),
  );
  return reachable.map(({ backend }) => backend).filter((name) => !backends.includes(name) && logged(name));
}

/** The chain in one line: `FLASHINFER: not at most 512 KiB; CUSTOM: all hold`. */
export function explainPick({ attempts }: Pick): string {
  return attempts
    .map(({ backend, taken, rules }) => {
      const failed = rules.filter((rule) => !rule.holds).map((rule) => rule.text);
      if (failed.length > 0) return `${backend}: not ${failed.join(', not ')}`;
      return taken ? `${backend}: ${rules.map((rule) => rule.text).join(', ') || 'what remains'}` : backend;
    })
    .join('; ');
}

function logged(backend: string): boolean {
  return !NOT_LOGGED.has(backend);
}

function stepsOf(
  { engine, deployment, settings, backends }: EngineConfig,
  operation: CheckedOperation,
): readonly Step[] {
  if (backends === undefined) return engine.steps(operation, deployment, settings);
  // Limits depend on what else there is: a backend that did not come up is as good as switched off.
  const there = {
    ...settings,
    custom: settings.custom && backends.includes('CUSTOM'),
    symmMem: settings.symmMem && backends.includes('SYMM_MEM'),
    ncclSymm: settings.ncclSymm && backends.includes('NCCL_SYMM_MEM'),
    flashinfer: settings.flashinfer && backends.includes('FLASHINFER'),
    pcieIpc: settings.pcieIpc && backends.includes('FLASHINFER_PCIE_IPC'),
    mscclpp: settings.mscclpp && backends.includes('MSCCLPP'),
  };
  return engine.steps(operation, deployment, there);
}
