/** @file Requests through a runner without clocks: all are there at once, and all ranks do the same. */
import type { LoadRequest } from '../../../dist/workload/serve/load.js';
import type { StepRunner } from '../../../dist/workload/serve/runner.js';
import { type Schedule, Scheduler } from '../../../dist/workload/serve/scheduler.js';
import { Tables } from '../../../dist/workload/serve/tables.js';

/** The most tokens and sequences of a step. */
export interface Most {
  tokens: number;
  samples: number;
}

/** The tokens that each rank samples are all it needs to know. Returns those of every request. */
export function generate(
  runner: StepRunner,
  requests: readonly LoadRequest[],
  schedule: Schedule,
  most: Most = { tokens: 0, samples: 0 },
): number[][] {
  const scheduler = new Scheduler(runner, schedule);
  const tables = new Tables(runner);
  const tokens = new Map(requests.map((request) => [request, [] as number[]]));
  for (const request of requests) scheduler.add(request);
  for (let step = scheduler.next(); step !== undefined; step = scheduler.next()) {
    most.tokens = Math.max(most.tokens, step.ids.length);
    most.samples = Math.max(most.samples, step.samples.length);
    for (const { request, token } of scheduler.finish(runner.step(tables.batchOf(step))))
      tokens.get(request)!.push(token);
  }
  return [...tokens.values()];
}
