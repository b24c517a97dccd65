/**
 * @file Which machine a plan was measured on, and whether that is this one.
 *
 * Compared is what changes timings: engine, operating system, architecture, CPU model, usable cores, Node's major version, every
 * device field (device, driver and library versions) and the kernels' hash. Names of hosts and dates are not in it.
 */
import { arch, availableParallelism, cpus, platform } from 'node:os';
import type { Fingerprint } from './plan.ts';

/**
 * The fingerprint of this machine.
 * `deviceDescription` is what the engine's `describe()` returns, `kernelsHash` the hash of the kernels it runs.
 */
export function hostFingerprint(
  engineName: 'cpu' | 'cuda',
  deviceDescription: Readonly<Record<string, string>>,
  kernelsHash: string,
): Fingerprint {
  // Some containers and ARM kernels report no CPUs, or one without a name.
  const cpu = cpus()[0]?.model.trim() || 'unknown';
  return {
    engine: engineName,
    host: { platform: platform(), arch: arch(), cpu, cores: availableParallelism(), node: process.version },
    device: { ...deviceDescription },
    kernels: kernelsHash,
  };
}

/** What makes a plan's fingerprint differ from the one here, a phrase a difference: `cores: 64 in the plan, 2 here`. Empty when the plan fits. */
export function fingerprintDifferences(plan: Fingerprint, here: Fingerprint): string[] {
  const differences: string[] = [];
  const compare = (
    name: string,
    inPlan: string | number | undefined,
    now: string | number | undefined,
  ): void => {
    if (inPlan !== now) differences.push(`${name}: ${inPlan ?? 'none'} in the plan, ${now ?? 'none'} here`);
  };
  compare('engine', plan.engine, here.engine);
  compare('platform', plan.host.platform, here.host.platform);
  compare('architecture', plan.host.arch, here.host.arch);
  compare('CPU', plan.host.cpu, here.host.cpu);
  compare('cores', plan.host.cores, here.host.cores);
  // Plans that no Node.js process measured have no version to compare.
  if (plan.host.node !== undefined && here.host.node !== undefined) {
    compare('Node.js', major(plan.host.node), major(here.host.node));
  }
  const names = new Set([...Object.keys(plan.device), ...Object.keys(here.device)]);
  for (const name of [...names].sort()) compare(name, own(plan.device, name), own(here.device, name));
  compare('kernels', plan.kernels, here.kernels);
  return differences;
}

/** `v20.11.1` -> `v20`. */
function major(version: string): string {
  return version.split('.', 1)[0]!;
}

function own(record: Readonly<Record<string, string>>, name: string): string | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}
