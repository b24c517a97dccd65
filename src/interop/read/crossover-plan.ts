/**
 * @file Reads crossover's own plans: every candidate's points, which are what the plan was made of.
 */
import { CrossoverError } from '../../errors.ts';
import { choiceName, type Plan } from '../../plan/plan.ts';
import { validatePlan } from '../../plan/validate.ts';
import type { Sink } from './format.ts';
import { isArray, isObject, type Json, type JsonDocument, type JsonObject } from './json-text.ts';

export function isPlan(value: Json): boolean {
  return isObject(value) && isArray(value.entries) && isObject(value.fingerprint);
}

/** The name here of what crossover measured: NCCL is NCCL, whoever calls it. */
export function crossoverAlgorithm(algorithm: string, tunables: Readonly<Record<string, number>>): string {
  return algorithm === 'nccl' || algorithm === 'nccl_symmetric'
    ? algorithm
    : `crossover:${choiceName({ algorithm, tunables })}`;
}

/** What a plan's fingerprint, or one in a file of results, says about the host. */
export function readFingerprint(fingerprint: Json | undefined, line: number, sink: Sink): void {
  if (!isObject(fingerprint)) return;
  const { device, host } = fingerprint;
  const facts: readonly (readonly [string, Json | undefined])[] = [
    ['cpu', isObject(host) ? host.cpu : undefined],
    ...(isObject(device)
      ? (['nccl', 'driver', 'cuda'] as const).map((name) => [name, device[name]] as const)
      : []),
    ['gpu', isObject(device) && fingerprint.engine === 'cuda' ? device.name : undefined],
  ];
  for (const [name, value] of facts) if (typeof value === 'string') sink.fact(name, value, line);
}

export function readPlan(document: JsonDocument, sink: Sink): void {
  const root = document.value as JsonObject;
  let plan: Plan;
  try {
    plan = validatePlan(root, 'the plan');
  } catch (error) {
    if (!(error instanceof CrossoverError)) throw error;
    sink.complain(document.line(root), error.message);
    return;
  }
  readFingerprint(root.fingerprint, document.line(root, 'fingerprint'), sink);
  for (const [i, { key, candidates }] of plan.entries.entries()) {
    const { operation, dtype, worldSize, mode, hidden, quantization } = key;
    const residual = operation === 'all_reduce_rms_norm' ? true : undefined;
    for (const [j, { algorithm, tunables, points, relativeError }] of candidates.entries()) {
      const name = crossoverAlgorithm(algorithm, tunables);
      for (const [k, { bytes, us, spread }] of points.entries()) {
        const point = pointAt(root, i, j, k);
        sink.measured(
          {
            operation,
            algorithm: name,
            bytes,
            dtype,
            worldSize,
            hidden,
            quantization,
            residual,
            mode,
            ...(relativeError !== undefined && { lossy: true }),
            us,
            spread,
          },
          point === undefined ? document.line(root) : document.line(point, 'us'),
        );
      }
    }
  }
}

/** The point as it was parsed, which is what knows its line. The plan has been checked, so it is there. */
function pointAt(root: JsonObject, entry: number, candidate: number, point: number): JsonObject | undefined {
  const item = (list: Json | undefined, at: number): JsonObject | undefined => {
    const found = isArray(list) ? list[at] : undefined;
    return isObject(found) ? found : undefined;
  };
  return item(item(item(root.entries, entry)?.candidates, candidate)?.points, point);
}
