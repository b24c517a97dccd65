/**
 * @file Serving as an SPMD program: what `crossover serve-bench` launches on every rank. Rates are outside and variants inside: those that are compared run one
 * after the other, with the same requests.
 */
import type { Group } from '../../group/group.ts';
import { ProgressLine } from '../../report/progress.ts';
import { runnable } from '../runnable.ts';
import type { VariantName } from '../variants.ts';
import { createRunner } from './create-runner.ts';
import { fitLengths, type Length, parseLengths } from './lengths.ts';
import { type LoadRequest, makeLoad } from './load.ts';
import { metricsOf } from './metrics.ts';
import { type Clock, WALL_CLOCK } from './replay.ts';
import type { ServeRequest } from './request.ts';
import type { Runners, StepLimits } from './runner.ts';
import { serve } from './spmd.ts';
import type { ServeMetrics } from './summary.ts';

/** One variant at one rate. */
export interface ServeRow extends ServeMetrics {
  readonly variant: VariantName;
  /** Requests a second that arrive. */
  readonly request_rate: number;
}

export interface ServeOutcome {
  readonly rows: readonly ServeRow[];
  /** Variants that cannot run here. */
  readonly skipped: readonly { readonly variant: VariantName; readonly reason: string }[];
  readonly limits: StepLimits;
  /** Whether collectives were measured in this run, because no plan had all of them. */
  readonly measured: boolean;
  /** The longest prompt and output that there could be. */
  readonly most: Length;
}

export default async function main(
  group: Group,
  _args: string[],
  request: ServeRequest,
): Promise<ServeOutcome | undefined> {
  const line = new ProgressLine('model', request.progress && group.rank === 0);
  const runners = await createRunner(group, request, (done, words) => line.show(done, words));
  line.clear();
  try {
    const outcome = await serveProgram(group, runners, request, WALL_CLOCK);
    return group.rank === 0 ? outcome : undefined;
  } finally {
    runners.close();
  }
}

/** Collective: every rate with every variant. Times are those of rank 0; the other ranks return rows without meaning. */
export async function serveProgram(
  group: Group,
  runners: Runners,
  request: ServeRequest,
  clock: Clock,
): Promise<ServeOutcome> {
  const { vocabulary } = runners;
  const { rates, seconds, seed, schedule } = request;
  const { variants, skipped } = runnable(request.variants, (name) => runners.refusal(name));
  const limits = limitsOf(await runners.runner(variants[0]!));
  const lengths = fitLengths(parseLengths(request.prompt), limits.places);
  const line = new ProgressLine('serve-bench', request.progress && group.rank === 0);
  const rows: ServeRow[] = [];
  const warm = new Set<VariantName>();
  const runs = rates.flatMap((rate) => variants.map((variant) => ({ rate, variant })));
  try {
    for (const [at, { rate, variant }] of runs.entries()) {
      line.show(at / runs.length, `${rate} req/s ${variant}`);
      const requests = makeLoad({ rate, seconds, lengths, vocabulary, seed });
      const runner = await runners.runner(variant);
      const options = { schedule, vocabulary, clock };
      if (!warm.has(variant)) await serve(group, runner, warmUp(requests), options);
      warm.add(variant);
      const times = await serve(group, runner, requests, {
        ...options,
        onStep: ({ ended, running, waiting, generated, seconds: passed }) =>
          line.show(
            (at + ended / requests.length) / runs.length,
            `${rate} req/s ${variant}: ${ended} of ${requests.length} done, ${running} running, ${waiting} waiting, ${(generated / passed).toFixed(0)} tok/s`,
          ),
      });
      if (group.rank === 0) rows.push({ variant, request_rate: rate, ...metricsOf(times) });
    }
  } finally {
    line.clear();
  }
  return { rows, skipped, limits, measured: runners.measured, most: lengths.most };
}

/** Requests at once, and few tokens: what is slow the first time is not measured. */
const WARM_REQUESTS = 4;
const WARM_TOKENS = 8;

function warmUp(requests: readonly LoadRequest[]): LoadRequest[] {
  return requests
    .slice(0, WARM_REQUESTS)
    .map((one) => ({ ...one, arrival: 0, output: Math.min(one.output, WARM_TOKENS) }));
}

function limitsOf({ maxTokens, maxSequences, pageSize, pages, places }: StepLimits): StepLimits {
  return { maxTokens, maxSequences, pageSize, pages, places };
}
