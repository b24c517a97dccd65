/**
 * @file A CSV for NCCL's example tuner plugin (plugins/tuner/example of NVIDIA/nccl, 2.30): it steers NCCL's own algorithms and protocols, so only
 * measurements named `nccl:<algorithm>/<protocol>` can be expressed. First match wins there; NCCL chooses where no line matches.
 */
import { formatSize } from '../../units.ts';
import { percentText, usText } from '../check/words.ts';
import type { MeasuredOperation, MeasurementSet } from '../measurement.ts';
import { leftOut, type Winner, winners } from './winners.ts';

const COLLECTIVES: Readonly<Partial<Record<MeasuredOperation, string>>> = {
  all_reduce: 'allreduce',
  all_gather: 'allgather',
  reduce_scatter: 'reducescatter',
  broadcast: 'broadcast',
  reduce: 'reduce',
};

const ALGORITHM = /^nccl:(tree|ring|collnet_direct|collnet_chain|nvls|nvls_tree|pat)\/(ll|ll128|simple)$/;

export interface TableExport {
  readonly text: string;
  /** What the table cannot say, in words. */
  readonly notExpressible: readonly string[];
  /** Why there is nothing at all that could be said; undefined where something was measured of it. */
  readonly nothing?: string | undefined;
}

/** Lines for one node, with comments of what each gains over NCCL's own choice where that was measured as `nccl`. */
export function exportNcclTuner(set: MeasurementSet): TableExport {
  const eligible = (name: string): boolean => ALGORITHM.test(name);
  const usable = set.measurements.filter(({ operation }) => COLLECTIVES[operation] !== undefined);
  const { rows, passedOver } = winners(usable, eligible, 'nccl');
  const lines = [
    '# for NCCL 2.30: build its example tuner plugin, then set',
    '# NCCL_TUNER_PLUGIN=<path>/libnccl-tuner-example.so NCCL_TUNER_CONFIG_FILE=<this file>',
    '# collective,min_bytes,max_bytes,algorithm,protocol,channels,nodes,ranks',
  ];
  for (const run of runs(rows)) {
    const [first, last] = [run[0]!, run.at(-1)!];
    const [, algorithm, protocol] = ALGORITHM.exec(first.algorithm)!;
    const name = COLLECTIVES[first.operation]!;
    lines.push(`# ${gainOf(run)}`);
    lines.push([name, first.bytes, last.bytes, algorithm, protocol, -1, 1, first.worldSize].join(','));
  }
  const others = leftOut(usable, eligible).filter((name) => name !== 'nccl');
  return {
    text: lines.join('\n'),
    notExpressible: [
      ...passedOver,
      ...others.map(
        (name) => `${name}: it is not one of NCCL's algorithms with a protocol (nccl:ring/ll128)`,
      ),
    ],
    ...(rows.length === 0 && { nothing: 'no measurement is of an algorithm of NCCL with a protocol' }),
  };
}

/** Neighbouring sizes with the same winner that is not slower than NCCL's own choice. */
function runs(rows: readonly Winner[]): Winner[][] {
  const found: Winner[][] = [];
  let before: Winner | undefined;
  for (const row of rows) {
    const gains = row.baselineUs === undefined || row.us < row.baselineUs;
    const joins =
      before !== undefined &&
      before.algorithm === row.algorithm &&
      before.operation === row.operation &&
      before.worldSize === row.worldSize;
    if (gains && joins) found.at(-1)!.push(row);
    else if (gains) found.push([row]);
    before = gains ? row : undefined;
  }
  return found;
}

function gainOf(run: readonly Winner[]): string {
  const gains = run.flatMap(({ bytes, us, baselineUs }) =>
    baselineUs === undefined ? [] : [{ bytes, us: baselineUs - us, percent: (baselineUs / us - 1) * 100 }],
  );
  if (gains.length === 0) return "NCCL's own choice was not measured";
  const best = gains.reduce((a, b) => (b.percent > a.percent ? b : a));
  return `up to ${usText(best.us)} less an operation (NCCL's own choice is ${percentText(best.percent)} slower at ${formatSize(best.bytes)})`;
}
