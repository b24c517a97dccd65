/**
 * @file The model on all ranks, as serving needs it: one set of weights and caches, and a runner for each way to dispatch collectives.
 */
import type { Group } from '../../group/group.ts';
import { placeOf, refusalOf } from '../runnable.ts';
import { cachePages } from '../session/capacity.ts';
import { openSession } from '../session/open.ts';
import { Chooser, type VariantName } from '../variants.ts';
import { ModelRunner, productsOf } from './model-runner.ts';
import type { ServeRequest } from './request.ts';
import type { Runners, StepLimits } from './runner.ts';

/** Collective. `report` is told how far it is, 0 to 1. */
export function createRunner(
  group: Group,
  request: ServeRequest,
  report: (done: number, words: string) => void,
): Runners {
  const session = openSession(group, request.session, report);
  const { model, index } = session;
  const { capacity, comm } = model;
  const limits: StepLimits = {
    maxTokens: capacity.tokens,
    // One more is for what fills steps up.
    maxSequences: capacity.sequences - 1,
    pageSize: capacity.pageSize,
    pages: cachePages(capacity),
    places: capacity.places,
  };
  comm.engine.tuneProducts?.(productsOf(model, limits));
  const place = placeOf(comm);
  const runners = new Map<VariantName, ModelRunner>();
  return {
    vocabulary: request.session.config.vocabulary,
    measured: session.measured,
    refusal: (variant) => refusalOf(variant, place),
    runner(variant) {
      let runner = runners.get(variant);
      if (!runner) {
        runner = new ModelRunner(model, limits, new Chooser(comm, index, variant, request.capBytes));
        runners.set(variant, runner);
      }
      return runner;
    },
    close() {
      for (const runner of runners.values()) runner.close();
      session.close();
    },
  };
}
