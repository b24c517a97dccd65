/**
 * @file Makes a communicator: picks the engine, and lets rank 0 load the plan for all, so that ranks never follow different ones.
 */
import { existsSync } from 'node:fs';
import type { Engine } from '../engine/engine.ts';
import { CrossoverError } from '../errors.ts';
import type { Group } from '../group/group.ts';
import { defaultPlanPath, loadPlan } from '../plan/file.ts';
import type { Plan } from '../plan/plan.ts';
import { Communicator } from './communicator.ts';
import { createEngine, type EngineOptions } from './engines.ts';

export interface CommunicatorOptions extends EngineOptions {
  /**
   * - a path: that plan file
   * - a Plan: as loaded or made
   * - `null`: no plan
   * - by default: $CROSSOVER_PLAN, or crossover-plan.json in the working directory, when there is one
   */
  readonly plan?: string | Plan | null | undefined;
  /** Accept a plan that was made on another host; by default only when $CROSSOVER_FORCE is 1. */
  readonly force?: boolean | undefined;
  /** Where warnings go; stderr by default. */
  readonly warn?: ((line: string) => void) | undefined;
}

/** Collective over the group. Throws on all ranks when the plan cannot be used. */
export function createCommunicator(group: Group, options: CommunicatorOptions = {}): Communicator {
  const engine = createEngine(group, options);
  const plan = group.broadcast(group.rank === 0 ? attempt(() => resolvePlan(engine, options)) : undefined)!;
  if ('error' in plan) throw new CrossoverError(plan.error);
  const warn = options.warn ?? ((line) => console.error(`crossover: ${line}`));
  return new Communicator(engine, plan.value, warn);
}

function resolvePlan(engine: Engine, { plan, force }: CommunicatorOptions): Plan | undefined {
  if (plan === null) return undefined;
  if (typeof plan === 'object') return plan;
  const path = plan ?? defaultPlanPath();
  // A plan that was asked for by name must be there; one that may lie about need not.
  if (plan === undefined && !process.env.CROSSOVER_PLAN && !existsSync(path)) return undefined;
  return loadPlan(path, {
    fingerprint: engine.fingerprint(),
    force: force ?? process.env.CROSSOVER_FORCE === '1',
  });
}

/** Errors travel as text: every rank then throws its own, instead of waiting for a rank that threw. */
function attempt<T>(body: () => T): { value: T } | { error: string } {
  try {
    return { value: body() };
  } catch (error) {
    if (error instanceof CrossoverError) return { error: error.message };
    throw error;
  }
}
