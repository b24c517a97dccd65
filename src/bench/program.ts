/**
 * @file The bench as an SPMD program: what `crossover bench` launches on every rank.
 */
import { refusal } from '../collective/algorithm.ts';
import { algorithmNamed, algorithmsOf } from '../collective/catalog.ts';
import { createCommunicator } from '../collective/create.ts';
import type { Choice } from '../collective/dispatch.ts';
import { CrossoverError } from '../errors.ts';
import type { Group } from '../group/group.ts';
import { accuracy } from '../measure/accuracy.ts';
import { measure } from '../measure/measure.ts';
import { arenaFor, sizeFor, Workload } from '../measure/workload.ts';
import type { ReduceOp } from '../operations.ts';
import { keyName, type PlanKey } from '../plan/key.ts';
import { ProgressLine } from '../report/progress.ts';
import { dtypeBytes } from '../tensor/dtype.ts';
import { formatBytes } from '../units.ts';

export interface BenchRequest {
  /** Everything but the world size. */
  readonly key: Omit<PlanKey, 'worldSize'>;
  readonly op: ReduceOp;
  readonly sizes: readonly number[];
  /** Names of algorithms; all that can serve a size when absent. */
  readonly algorithms: readonly string[] | undefined;
  /** Time for measuring, seconds. */
  readonly seconds: number;
  readonly arenaBytes: number | undefined;
  readonly progress: boolean;
}

/** One algorithm at one size. */
export interface BenchRow {
  readonly algorithm: string;
  readonly tunables: Readonly<Record<string, number>>;
  readonly bytes: number;
  readonly count: number;
  /** Median of the slowest rank, us, and half the width of its 95 % confidence interval. */
  readonly us: number;
  readonly spread: number;
  readonly samples: number;
  /** Sum over ranks. */
  readonly wrong: number;
  /** Mean over ranks. */
  readonly meanDifference: number;
}

/** A confidence interval of this half-width, relative, is precise enough. */
const PRECISION = 0.01;

export default function main(group: Group, _args: string[], request: BenchRequest): BenchRow[] {
  const key: PlanKey = { ...request.key, worldSize: group.size };
  const sizes = [...new Set(request.sizes.map((bytes) => sizeFor(key, bytes)))];
  const arenaBytes =
    request.arenaBytes ?? Math.max(...sizes.map((bytes) => arenaFor(key, bytes))) + (4 << 20);
  const comm = createCommunicator(group, { arenaBytes, plan: null });
  const line = new ProgressLine('bench', request.progress && group.rank === 0);
  for (const name of request.algorithms ?? []) algorithmNamed(key.operation, name);
  try {
    return sizes.flatMap((bytes, i) => {
      line.show(i / sizes.length, `${keyName(key)} ${formatBytes(bytes)}`);
      const workload = new Workload(comm, key, bytes, request.op);
      const contenders: Choice[] = algorithmsOf(key.operation)
        .filter(({ name }) => request.algorithms?.includes(name) ?? true)
        .filter((algorithm) => {
          const refused = refusal(algorithm, workload.request, comm.engine);
          if (refused && request.algorithms)
            throw new CrossoverError(`algorithm ${algorithm.name} cannot do this: ${refused}`);
          return refused === undefined;
        })
        .map((algorithm) => ({ algorithm, tunables: algorithm.tunables(workload.request, comm.engine)[0]! }));
      const seconds = request.seconds / sizes.length;
      const timings = measure(comm, workload, contenders, { mode: key.mode, seconds, precision: PRECISION });
      workload.free();
      return timings.map(({ choice, us }): BenchRow => {
        const all = group.gather(accuracy(comm, key, bytes, request.op, choice));
        return {
          algorithm: choice.algorithm.name,
          tunables: choice.tunables,
          bytes,
          count: bytes / dtypeBytes(key.dtype) / (key.operation === 'all_gather' ? group.size : 1),
          us: us.median,
          spread: us.spread,
          samples: us.samples,
          wrong: all.reduce((sum, one) => sum + one.wrong, 0),
          meanDifference: all.reduce((sum, one) => sum + one.meanDifference, 0) / all.length,
        };
      });
    });
  } finally {
    line.clear();
    comm.close();
  }
}
