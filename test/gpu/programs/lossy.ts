/**
 * @file All-reduce that rounds values on the way: the same bits on all ranks, within the error of two roundings, NaN where NaN or an infinity was
 * and nowhere else.
 */
import { refusal } from '../../../dist/collective/algorithm.js';
import { algorithmsOf } from '../../../dist/collective/catalog.js';
import type { Group } from '../../../dist/group/group.js';
import { lossyBound } from '../../../dist/measure/lossy.js';
import { dtypeBytes, REDUCIBLE_DTYPES } from '../../../dist/tensor/dtype.js';
import { decodeArray, encodeArray } from '../../../dist/tensor/formats/array.js';
import { Buffers, take } from '../../collective/support/buffers.ts';
import type { ProgramData } from '../../collective/support/engines.ts';
import { type Report, Session } from '../../collective/support/session.ts';

export interface LossyOptions {
  readonly rounds: number;
}

const COUNTS = [0, 1, 7, 255, 256, 257, 5000, 16384 * 4, 16384 * 8 + 3, 1_000_000];

export default function lossy(group: Group, _args: string[], data: ProgramData<LossyOptions>): Report {
  const session = Session.open(group, data, 25);
  const { comm, shared } = session;
  const { worldSize, rank } = comm;
  const algorithms = algorithmsOf('all_reduce').filter((algorithm) => algorithm.lossy);
  for (let round = 0; round < data.options.rounds; round++) {
    const dtype = REDUCIBLE_DTYPES[round % REDUCIBLE_DTYPES.length]!;
    const count = COUNTS[round % COUNTS.length]!;
    const op = shared.pick(['sum', 'avg'] as const);
    const odd = count > 0 && shared.chance(0.3) ? shared.whole(0, count - 1) : -1;
    const seed = shared.seed();
    const input = (r: number): Uint8Array => {
      const values = Float64Array.from({ length: count }, (_, i) => Math.sin(seed + i * 0.37 + r * 1.9));
      if (odd >= 0 && r === 0) values[odd] = round % 2 === 1 ? Number.NaN : Infinity;
      return encodeArray(dtype, values);
    };
    const inputs = Array.from({ length: worldSize }, (_, r) => decodeArray(dtype, input(r)));
    for (const algorithm of algorithms) {
      const request = {
        operation: 'all_reduce',
        dtype,
        worldSize,
        bytes: count * dtypeBytes(dtype),
      } as const;
      if (refusal(algorithm, request, comm.engine)) continue;
      const tunables = shared.pick(algorithm.tunables(request, comm.engine));
      for (const inPlace of [false, true]) {
        const buffers = new Buffers(comm, shared);
        const x = buffers.make(dtype, [count], input(rank));
        const out = inPlace ? x : buffers.make(dtype, [count]);
        session.skew();
        comm.allReduce(x, { out, op, algorithm: { algorithm, tunables } });
        const [result] = take(out) as [Uint8Array];
        const label = `x${worldSize} ${algorithm.name} ${dtype} ${op} ${count}${inPlace ? ' in place' : ''}`;
        session.sameOnAllRanks(label, dtype, result);
        session.check(label, problemOf(decodeArray(dtype, result), inputs, op));
        session.check(label, buffers.free());
      }
    }
  }
  return session.report();
}

function problemOf(
  actual: Float64Array,
  inputs: readonly Float64Array[],
  op: 'sum' | 'avg',
): string | undefined {
  const worldSize = inputs.length;
  for (let i = 0; i < actual.length; i++) {
    let sum = 0;
    let magnitude = 0;
    for (const input of inputs) {
      sum += input[i]!;
      magnitude += Math.abs(input[i]!);
    }
    const exact = op === 'avg' ? sum / worldSize : sum;
    // Rounding to the dtype comes on top, 2^-8 at most.
    const bound = lossyBound(worldSize, magnitude, exact) + 2 ** -8 * Math.abs(exact);
    const right = Number.isFinite(exact) ? Math.abs(actual[i]! - exact) <= bound : Number.isNaN(actual[i]!);
    if (!right) return `element ${i} is ${actual[i]}, must be near ${exact}`;
  }
  return undefined;
}
