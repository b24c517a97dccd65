/**
 * @file The measurements that a model's collectives are dispatched by: a plan's, and where it lacks a key of the model, fresh ones.
 */
import type { Communicator } from '../../collective/communicator.ts';
import { LIMITS } from '../../collective/engines.ts';
import { arenaFor, sizeFor } from '../../measure/workload.ts';
import type { Operation, Quantization } from '../../operations.ts';
import { keyName, type PlanKey } from '../../plan/key.ts';
import { compilePlan, type PlanIndex } from '../../plan/lookup.ts';
import { PLAN_SCHEMA, type Plan, type PlanEntry } from '../../plan/plan.ts';
import { sizesOf, type TuneRequest } from '../../tune/request.ts';
import { tune } from '../../tune/tune.ts';
import { VERSION } from '../../version.ts';
import type { ModelConfig } from '../models/config.ts';

/** What a model's steps ask of collectives. */
export interface Demand {
  readonly config: ModelConfig;
  readonly worldSize: number;
  /** The most tokens of a step that is timed. */
  readonly tokens: number;
  readonly quantization: Quantization;
  /** Whether ranks gather and scatter tokens. */
  readonly gathers: boolean;
}

/** Seconds that measuring takes. */
const SECONDS = 8;
const BF16_BYTES = 2;

function requestFor(demand: Demand, seconds: number, operations: readonly Operation[]): TuneRequest {
  const { config, tokens, worldSize, gathers } = demand;
  const row = config.hidden * BF16_BYTES;
  return {
    operations,
    dtypes: ['bf16'],
    modes: ['replay'],
    hidden: [config.hidden],
    quantizations: [demand.quantization],
    minBytes: row,
    maxBytes: Math.max(2 * row, row * tokens * (gathers ? worldSize : 1)),
    factor: 2,
    seconds,
    deterministic: false,
    seed: 1,
    progress: false,
  };
}

function operationsOf({ gathers }: Demand): readonly Operation[] {
  return gathers
    ? ['all_reduce', 'all_reduce_rms_norm', 'all_gather', 'reduce_scatter']
    : ['all_reduce', 'all_reduce_rms_norm'];
}

function keysOf(demand: Demand): PlanKey[] {
  const { worldSize, config, quantization } = demand;
  return operationsOf(demand).map((operation) => ({
    operation,
    dtype: 'bf16',
    worldSize,
    mode: 'replay',
    ...(operation === 'all_reduce_rms_norm' && { hidden: config.hidden, quantization }),
    registered: true,
  }));
}

/** Keys of the model that a plan does not have as they are. */
export function missingKeys(plan: Plan | undefined, demand: Demand): PlanKey[] {
  if (!plan) return keysOf(demand);
  const index = compilePlan(plan);
  return keysOf(demand).filter((key) => index.entry(key)?.approximate !== false);
}

/** Bytes of the symmetric heap that measuring takes. */
export function measuringBytes(engine: 'cpu' | 'cuda', demand: Demand): number {
  const request = requestFor(demand, SECONDS, operationsOf(demand));
  const { cacheBytes } = LIMITS[engine];
  return Math.max(
    ...keysOf(demand).map((key) =>
      arenaFor(key, Math.max(...sizesOf(request, key), sizeFor(key, 1)), cacheBytes),
    ),
  );
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
  const operations = [...new Set(missingKeys(plan, demand).map(({ operation }) => operation))];
  const { entries } = tune(comm, requestFor(demand, SECONDS, operations), report);
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
