/**
 * @file The measurements that a model's collectives are dispatched by: a plan's, and where it lacks a key of the model, fresh ones.
 */
import type { Communicator } from '../../collective/communicator.ts';
import { type EngineName, LIMITS } from '../../collective/engines.ts';
import { arenaFor } from '../../measure/workload.ts';
import type { Quantization } from '../../operations.ts';
import { keyName } from '../../plan/key.ts';
import { compilePlan, type PlanIndex } from '../../plan/lookup.ts';
import { PLAN_SCHEMA, type Plan, type PlanEntry } from '../../plan/plan.ts';
import { keysOf, sizesOf, type TuneRequest } from '../../tune/request.ts';
import { tune } from '../../tune/tune.ts';
import { VERSION } from '../../version.ts';
import type { ModelConfig } from '../models/config.ts';

/** What a model's steps ask of collectives. */
export interface Demand {
  readonly config: ModelConfig;
  readonly worldSize: number;
  /** The most tokens of a step that is timed. */
  readonly tokens: number;
  /** Tokens that sampling chooses from. */
  readonly choices: number;
  /** What fused operations write. */
  readonly quantizations: readonly Quantization[];
  /** Whether ranks gather and scatter tokens, in place of sums. */
  readonly gathers: boolean;
}

/** Seconds that measuring takes. */
const SECONDS = { activations: 8, candidates: 1 } as const;
const BF16_BYTES = 2;
/** A value and a number. */
const CANDIDATE_BYTES = 8;

/** Measurements that a model wants, whatever a plan has. */
function requestsFor(demand: Demand): TuneRequest[] {
  const { config, tokens, worldSize, choices, quantizations, gathers } = demand;
  const common = {
    modes: ['replay'] as const,
    hidden: [config.hidden],
    quantizations,
    factor: 2,
    deterministic: false,
    seed: 1,
    progress: false,
  };
  const activation = config.hidden * BF16_BYTES;
  const activations: TuneRequest = {
    ...common,
    operations: gathers ? ['all_gather', 'reduce_scatter'] : ['all_reduce', 'all_reduce_rms_norm'],
    dtypes: ['bf16'],
    minBytes: activation,
    maxBytes: Math.max(2 * activation, activation * tokens),
    seconds: SECONDS.activations,
  };
  if (gathers) return [activations];
  const candidate = CANDIDATE_BYTES * choices * worldSize;
  const candidates: TuneRequest = {
    ...common,
    operations: ['all_gather'],
    dtypes: ['f32'],
    minBytes: candidate,
    maxBytes: Math.max(2 * candidate, candidate * tokens),
    factor: 4,
    seconds: SECONDS.candidates,
  };
  return [activations, candidates];
}

/** Times go on so far beyond the largest size that was measured. Below the smallest, they are about its latency. */
const REACH = 2;

/** Measurements that a plan lacks, with the operations that it lacks only. */
function missing(plan: Plan | undefined, demand: Demand): TuneRequest[] {
  const index = plan && compilePlan(plan);
  return requestsFor(demand).flatMap((request) => {
    const lacks = keysOf(request, demand.worldSize).filter((key) => {
      const found = index?.entry(key);
      if (found === undefined || found.approximate) return true;
      return REACH * found.entry.measured.to < sizesOf(request, key).at(-1)!;
    });
    const operations = [...new Set(lacks.map(({ operation }) => operation))];
    return operations.length === 0 ? [] : [{ ...request, operations }];
  });
}

export function isMissing(plan: Plan | undefined, demand: Demand): boolean {
  return missing(plan, demand).length > 0;
}

/** Bytes of the symmetric heap that measuring takes. */
export function measuringBytes(engine: EngineName, demand: Demand): number {
  const { cacheBytes } = LIMITS[engine];
  const needed = requestsFor(demand).flatMap((request) =>
    keysOf(request, demand.worldSize).map((key) =>
      arenaFor(key, Math.max(...sizesOf(request, key)), cacheBytes),
    ),
  );
  return Math.max(...needed);
}

/** A plan as it is; one without entries where there is none, as one rank needs none. */
export function planOrNone(comm: Communicator, plan: Plan | undefined): PlanIndex {
  return compilePlan(plan ?? planOf(comm, []));
}

/** Collective. The plan, with what it lacked measured; the same on all ranks. */
export function completePlan(
  comm: Communicator,
  plan: Plan | undefined,
  demand: Demand,
  report: (done: number, words: string) => void,
): PlanIndex {
  const entries = missing(plan, demand).flatMap((request) => tune(comm, request, report).entries);
  const names = new Set(entries.map(({ key }) => keyName(key)));
  const kept = (plan?.entries ?? []).filter(({ key }) => !names.has(keyName(key)));
  return compilePlan(planOf(comm, [...kept, ...entries]));
}

function planOf(comm: Communicator, entries: readonly PlanEntry[]): Plan {
  return {
    schema: PLAN_SCHEMA,
    crossover: VERSION,
    createdAt: new Date().toISOString(),
    command: 'measured for this run',
    deterministic: false,
    fingerprint: comm.engine.fingerprint(),
    entries,
  };
}
