/**
 * @file How far an algorithm's results are from the float64 ones, on random inputs: what `#wrong` and the mean difference of a bench are.
 */

import type { Choice } from '../collective/algorithm.ts';
import type { Communicator } from '../collective/communicator.ts';
import type { ReduceOp } from '../operations.ts';
import type { PlanKey } from '../plan/key.ts';
import { type DType, dtypeBytes } from '../tensor/dtype.ts';
import { roundToDType } from '../tensor/formats/element.ts';
import { allReduceRmsNorm } from '../tensor/reference/all-reduce-rms-norm.ts';
import { ulpOf } from '../tensor/ulp.ts';
import { lossyBound } from './lossy.ts';
import { poison } from './workload.ts';

export interface Accuracy {
  /** Elements compared, on this rank. */
  readonly checked: number;
  /** Elements further from the float64 result than float32 sums and one rounding to the dtype can be; sums in the dtype for what promises no bits. */
  readonly wrong: number;
  /** Mean of |result - float64 result|. */
  readonly meanDifference: number;
  /** The same over the mean of |float64 result|. */
  readonly relativeError: number;
}

/** Elements that are compared at most, evenly spread; the first and the last among them. */
const MOST_CHECKED = 1 << 18;
const FLOAT32_UNIT = 2 ** -24;

/** Collective: allocates, runs once and frees. The result is this rank's. */
export function accuracy(
  comm: Communicator,
  key: PlanKey,
  bytes: number,
  op: ReduceOp,
  choice: Choice,
): Accuracy {
  return key.operation === 'all_reduce_rms_norm'
    ? rows(comm, key, bytes, choice)
    : elements(comm, key, bytes, op, choice);
}

function elements(comm: Communicator, key: PlanKey, bytes: number, op: ReduceOp, choice: Choice): Accuracy {
  const { dtype, operation, worldSize } = key;
  const { rank } = comm;
  const count = bytes / dtypeBytes(dtype);
  const part = count / worldSize;
  const input = comm.empty(dtype, [operation === 'all_gather' ? part : count]);
  const output = comm.empty(dtype, [operation === 'reduce_scatter' ? part : count]);
  input.write(Float64Array.from({ length: input.count }, (_, i) => uniform(rank, i)));
  poison(output);
  comm.group.barrier();
  if (operation === 'all_gather') comm.allGather(input, output, { algorithm: choice });
  else if (operation === 'reduce_scatter') comm.reduceScatter(input, output, { op, algorithm: choice });
  else if (operation === 'broadcast') comm.broadcast(input, 0, { out: output, algorithm: choice });
  else comm.allReduce(input, { out: output, op, algorithm: choice });
  const actual = output.read();
  output.free();
  input.free();

  const value = (r: number, i: number): number => roundToDType(dtype, uniform(r, i));
  // What promises no bits may round each partial sum to the dtype, and 1/n of an average as well.
  const unit = choice.algorithm.bits === 'unspecified' ? ulpOf(dtype, 1) : FLOAT32_UNIT;
  const result = new Tally();
  const step = Math.max(1, Math.ceil(actual.length / MOST_CHECKED));
  for (let k = 0; k < actual.length; k += step) {
    const i = k + step < actual.length ? k : actual.length - 1;
    if (operation === 'all_gather') result.add(actual[i]!, value(Math.floor(i / part), i % part), 0);
    else if (operation === 'broadcast') result.add(actual[i]!, value(0, i), 0);
    else {
      const at = operation === 'reduce_scatter' ? rank * part + i : i;
      const { exact, bound, magnitude } = reduced(dtype, op, worldSize, unit, (r) => value(r, at));
      const lossy = choice.algorithm.lossy ? lossyBound(worldSize, magnitude, exact) : 0;
      result.add(actual[i]!, exact, bound + lossy);
    }
  }
  return result.accuracy();
}

/** The float64 reduction of one element, and how far one may be from it whose partial sums are rounded by `unit`, relatively. */
function reduced(
  dtype: DType,
  op: ReduceOp,
  worldSize: number,
  unit: number,
  value: (rank: number) => number,
): { exact: number; bound: number; magnitude: number } {
  let sum = 0;
  let magnitude = 0;
  let most = Number.NEGATIVE_INFINITY;
  let least = Number.POSITIVE_INFINITY;
  for (let r = 0; r < worldSize; r++) {
    const x = value(r);
    sum += x;
    magnitude += Math.abs(x);
    most = Math.max(most, x);
    least = Math.min(least, x);
  }
  if (op === 'max') return { exact: most, bound: 0, magnitude };
  if (op === 'min') return { exact: least, bound: 0, magnitude };
  const exact = op === 'avg' ? sum / worldSize : sum;
  const partial = worldSize * unit * (op === 'avg' ? magnitude / worldSize : magnitude);
  return { exact, bound: partial + 0.51 * ulpOf(dtype, Math.abs(exact) + partial), magnitude };
}

/** Fused operations: a few rows against the float64 reference without any intermediate rounding. */
function rows(comm: Communicator, key: PlanKey, bytes: number, choice: Choice): Accuracy {
  const { dtype, worldSize, hidden = 1 } = key;
  const tokens = bytes / dtypeBytes(dtype) / hidden;
  const shape = [tokens, hidden];
  const RESIDUAL = 98;
  const WEIGHT = 99;
  const fill = (of: number) => Float64Array.from({ length: tokens * hidden }, (_, i) => uniform(of, i));
  const input = comm.tensor(dtype, shape, fill(comm.rank));
  const residual = comm.tensor(dtype, shape, fill(RESIDUAL));
  const weight = comm.tensor(
    dtype,
    [hidden],
    Float64Array.from({ length: hidden }, (_, i) => uniform(WEIGHT, i)),
  );
  const out = comm.empty(dtype, shape);
  const epsilon = 1e-5;
  poison(out);
  comm.group.barrier();
  comm.allReduceRmsNorm({ input, residual, weight, out, epsilon }, { algorithm: choice });
  const actual = out.read();
  const weights = weight.read();
  for (const tensor of [out, weight, residual, input]) tensor.free();

  const result = new Tally();
  const step = Math.max(1, Math.ceil((tokens * hidden) / MOST_CHECKED));
  for (let token = 0; token < tokens; token += step) {
    const row = (of: number) =>
      Float64Array.from({ length: hidden }, (_, i) => roundToDType(dtype, uniform(of, token * hidden + i)));
    const inputs = Array.from({ length: worldSize }, (_, r) => row(r));
    const { output } = allReduceRmsNorm({ inputs, residual: row(RESIDUAL), weight: weights, epsilon });
    // Three roundings to the dtype on the way (sum, residual, output), the first two of values up to a few times larger.
    for (const [i, exact] of output.entries()) {
      result.add(
        actual[token * hidden + i]!,
        exact,
        8 * ulpOf(dtype, Math.max(Math.abs(exact), Math.abs(weights[i]!))),
      );
    }
  }
  return result.accuracy();
}

class Tally {
  #checked = 0;
  #wrong = 0;
  #difference = 0;
  #magnitude = 0;

  add(actual: number, exact: number, bound: number): void {
    const difference = Math.abs(actual - exact);
    this.#checked++;
    this.#difference += difference;
    this.#magnitude += Math.abs(exact);
    if (!(difference <= bound)) this.#wrong++;
  }

  accuracy(): Accuracy {
    return {
      checked: this.#checked,
      wrong: this.#wrong,
      meanDifference: this.#checked ? this.#difference / this.#checked : 0,
      relativeError: this.#difference > 0 ? this.#difference / this.#magnitude : 0,
    };
  }
}

/** Uniform in [-1, 1), a function of rank and index alone, so that every rank knows every other's inputs. */
function uniform(rank: number, i: number): number {
  let h = Math.imul(i + 1, 0x9e3779b1) ^ Math.imul(rank + 1, 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d);
  h = Math.imul(h ^ (h >>> 12), 0x297a2d39);
  return (h ^ (h >>> 15)) / 2 ** 31;
}
