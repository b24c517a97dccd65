/**
 * @file A tuning table for MSCCL++ (python/mscclpp_benchmark/tuning_config.py): which of its algorithms serves a message size, with how many blocks
 * and threads. Measurements are named `mscclpp:<algorithm> nblocks=28 nthreads=512`, with `symmetric_memory=1` where the buffers have to be so.
 */
import type { MeasuredOperation, MeasurementSet } from '../measurement.ts';
import type { TableExport } from './nccl-tuner.ts';
import { leftOut, winners } from './winners.ts';

const COLLECTIVES: Readonly<Partial<Record<MeasuredOperation, string>>> = {
  all_reduce: 'allreduce',
  all_gather: 'allgather',
  reduce_scatter: 'reducescatter',
};

const NAME = /^mscclpp:(\w+)((?: \w+=\d+)+)$/;

/** Names of GPUs that its profiles know. */
const SKUS = ['GB300', 'GB200', 'MI300X', 'H100', 'A100'];

/** One profile a world size; `gpu` becomes its sku where MSCCL++ knows it. */
export function exportMscclpp(set: MeasurementSet, gpu: string | undefined): TableExport {
  const usable = set.measurements.filter(({ operation }) => COLLECTIVES[operation] !== undefined);
  const eligible = (name: string): boolean => entryOf(name) !== undefined;
  const { rows, passedOver } = winners(usable, eligible, 'nccl');
  const sku = SKUS.find((name) => gpu?.toUpperCase().includes(name));
  const scales = [...new Set(rows.map(({ worldSize }) => worldSize))].sort((a, b) => a - b);
  const profiles = scales.map((scale) => {
    const own = rows.filter(({ worldSize }) => worldSize === scale);
    const names = [...new Set(own.map(({ operation }) => operation))];
    const collectives = Object.fromEntries(
      names.map((operation) => [
        COLLECTIVES[operation]!,
        own
          .filter((row) => row.operation === operation)
          .map(({ bytes, algorithm, us }) => ({ message_size: bytes, ...entryOf(algorithm)!, time_us: us })),
      ]),
    );
    return { ...(sku === undefined ? {} : { sku }), scale, collectives };
  });
  return {
    text: JSON.stringify({ version: 1, profiles }, null, 2),
    notExpressible: [
      ...passedOver,
      ...leftOut(usable, eligible).map(
        (name) => `${name}: it is not one of MSCCL++'s algorithms with nblocks and nthreads`,
      ),
      ...(gpu !== undefined && sku === undefined
        ? [`${gpu}: profiles know ${SKUS.join(', ')}; this one is for any GPU`]
        : []),
    ],
    ...(rows.length === 0 && { nothing: 'no measurement is of an algorithm of MSCCL++' }),
  };
}

function entryOf(name: string) {
  const match = NAME.exec(name);
  if (match === null) return undefined;
  const values = Object.fromEntries(
    match[2]!
      .trim()
      .split(' ')
      .map((part) => part.split('=') as [string, string]),
  );
  const { nblocks, nthreads, symmetric_memory } = values;
  if (nblocks === undefined || nthreads === undefined) return undefined;
  return {
    algorithm: match[1]!,
    nblocks: Number(nblocks),
    nthreads: Number(nthreads),
    symmetric_memory: symmetric_memory === '1',
  };
}
