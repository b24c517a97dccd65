/**
 * @file The bench as an SPMD program: what `crossover bench` launches on every rank.
 */
import { type Choice, refusal } from '../collective/algorithm.ts';
import { algorithmNamed, algorithmsOf } from '../collective/catalog.ts';
import type { Communicator } from '../collective/communicator.ts';
import { createCommunicator } from '../collective/create.ts';
import { nobodyServes } from '../collective/usable.ts';
import { CrossoverError } from '../errors.ts';
import type { Group } from '../group/group.ts';
import { accuracy } from '../measure/accuracy.ts';
import { measure, type Timing } from '../measure/measure.ts';
import { Workload } from '../measure/workload.ts';
import { keyName, type PlanKey } from '../plan/key.ts';
import { ProgressLine } from '../report/progress.ts';
import { formatBytes } from '../units.ts';
import { arenaOf, type BenchRequest, countOf, sizesOf } from './request.ts';

/** One algorithm at one size. */
export interface BenchRow {
  readonly algorithm: string;
  readonly tunables: Readonly<Record<string, number>>;
  readonly bytes: number;
  /** As nccl-tests counts: see countOf. */
  readonly count: number;
  /** Median of the slowest rank, us, and half the width of its 95 % confidence interval. */
  readonly us: number;
  readonly spread: number;
  readonly samples: number;
  /** Sum over ranks. */
  readonly wrong: number;
  /** Mean over ranks. */
  readonly meanDifference: number;
  /** The mean difference over the mean of the exact results' magnitudes. */
  readonly relativeError: number;
}

/** A confidence interval of this half-width, relative, is precise enough. */
const PRECISION = 0.01;

export default function main(group: Group, _args: string[], request: BenchRequest): BenchRow[] {
  const key: PlanKey = { ...request.key, worldSize: group.size };
  const sizes = sizesOf(request, key);
  const { engine } = request;
  const arenaBytes = request.arenaBytes ?? arenaOf(request, group.size);
  const comm = createCommunicator(group, { engine, arenaBytes, plan: null });
  const line = new ProgressLine('bench', request.progress && group.rank === 0);
  const wanted = request.algorithms && [...request.algorithms, ...request.peers];
  for (const name of [...(wanted ?? []), ...request.peers]) algorithmNamed(key.operation, name);
  try {
    for (const name of request.peers) checkPeer(comm, key, sizes, name);
    return sizes.flatMap((bytes, i) => {
      line.show(i / sizes.length, `${keyName(key)} ${formatBytes(bytes)}`);
      const workload = new Workload(comm, key, bytes, request.op);
      const contenders: Choice[] = algorithmsOf(key.operation)
        .filter(({ name, lossy }) => wanted?.includes(name) ?? !lossy)
        .filter((algorithm) => {
          const refused = refusal(algorithm, workload.request, comm.engine);
          if (refused && request.algorithms?.includes(algorithm.name))
            throw new CrossoverError(`--algorithm ${algorithm.name} cannot do this: ${refused}`);
          return refused === undefined;
        })
        .flatMap((algorithm) => {
          const settings = algorithm.tunables(workload.request, comm.engine);
          return (request.tuned ? settings : settings.slice(0, 1)).map((tunables) => ({
            algorithm,
            tunables,
          }));
        });
      if (contenders.length === 0 && !wanted) throw nobodyServes([workload.request], comm.engine);
      const seconds = request.seconds / sizes.length;
      const timings = measure(comm, workload, contenders, { mode: key.mode, seconds, precision: PRECISION });
      workload.free();
      return fastestOfEach(timings).map(({ choice, us }): BenchRow => {
        const all = group.gather(accuracy(comm, key, bytes, request.op, choice));
        return {
          algorithm: choice.algorithm.name,
          tunables: choice.tunables,
          bytes,
          count: countOf(key, bytes),
          us: us.median,
          spread: us.spread,
          samples: us.samples,
          wrong: all.reduce((sum, one) => sum + one.wrong, 0),
          relativeError: all.reduce((sum, one) => sum + one.relativeError, 0) / all.length,
          meanDifference: all.reduce((sum, one) => sum + one.meanDifference, 0) / all.length,
        };
      });
    });
  } finally {
    line.clear();
    comm.close();
  }
}

/** A peer that serves no size at all is a mistake of the caller, and worth saying before the time is spent. */
function checkPeer(comm: Communicator, key: PlanKey, sizes: readonly number[], name: string): void {
  const algorithm = algorithmNamed(key.operation, name);
  const reasons = sizes.map((bytes) => refusal(algorithm, { ...key, bytes }, comm.engine));
  if (reasons.includes(undefined)) return;
  throw new CrossoverError(`there is nothing to compare with: --vs ${name} cannot do this: ${reasons[0]}`);
}

/** Of each algorithm the fastest setting, in the order of algorithms. */
function fastestOfEach(timings: readonly Timing[]): Timing[] {
  const best = new Map<string, Timing>();
  for (const timing of timings) {
    const { name } = timing.choice.algorithm;
    const known = best.get(name);
    if (!known || timing.us.median < known.us.median) best.set(name, timing);
  }
  return [...best.values()];
}
