/**
 * @file Which algorithms can serve a request here, and what to say when there is none: between hosts, between GPUs that cannot reach each other,
 * or without a compiler, most cannot.
 */
import type { Engine } from '../engine/engine.ts';
import { CrossoverError } from '../errors.ts';
import { type Algorithm, type Request, refusal } from './algorithm.ts';
import { algorithmsOf } from './catalog.ts';

/**
 * The algorithms that serve a request, in catalogue order, `lossy` ones only if asked for.
 * @throws CrossoverError that gives every algorithm's reason when there is none
 */
export function usableAlgorithms(request: Request, engine: Engine, lossy = false): readonly Algorithm[] {
  const usable = algorithmsOf(request.operation).filter(
    (algorithm) => (lossy || !algorithm.lossy) && refusal(algorithm, request, engine) === undefined,
  );
  if (usable.length === 0) throw nobodyServes([request], engine);
  return usable;
}

/** The error when no algorithm serves all of `requests`, which are of one operation: reasons, each with the algorithms that it holds for. */
export function nobodyServes(requests: readonly Request[], engine: Engine): CrossoverError {
  const { operation } = requests[0]!;
  const named = new Map<string, string[]>();
  for (const algorithm of algorithmsOf(operation)) {
    for (const request of algorithm.lossy ? [] : requests) {
      const reason = refusal(algorithm, request, engine);
      if (reason === undefined) continue;
      named.set(reason, [...(named.get(reason) ?? []), algorithm.name]);
      break;
    }
  }
  const reasons = [...named].map(([reason, names]) => `${names.join(', ')}: ${reason}`);
  return new CrossoverError(`no algorithm of ${operation} can run here: ${reasons.join('; ')}`);
}
