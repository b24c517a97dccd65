/**
 * @file What is timed and checked for one key at one size: its buffers, how to call it, and how to tell that a result is right.
 *
 * Buffers are rotated: a call uses the next of several sets, as the layers of a model use different ones. Inputs are rewritten and
 * outputs read by their own rank in between, or else caches would hold everything where its next reader is. Timing inputs sum to exactly
 * zero over the ranks, so that algorithms which reduce in place can be repeated for ever without overflow.
 */

import type { Choice, Request } from '../collective/algorithm.ts';
import type { Communicator } from '../collective/communicator.ts';
import type { NormOperands } from '../collective/fused.ts';
import { CrossoverError } from '../errors.ts';
import type { Tensor } from '../memory/tensor.ts';
import type { ReduceOp } from '../operations.ts';
import type { PlanKey } from '../plan/key.ts';
import { type DType, dtypeBytes, isReducible } from '../tensor/dtype.ts';
import { decodeArray, encodeArray } from '../tensor/formats/array.ts';
import { roundToDType } from '../tensor/formats/element.ts';
import { allReduceRmsNormRounded } from '../tensor/reference/all-reduce-rms-norm.ts';
import { worstUlpError } from '../tensor/ulp.ts';
import { lossyBound } from './lossy.ts';

/** Sets, as far as patience allows. */
const MOST_SETS = 8;
/** The largest cache of a device that is known. */
const LARGEST_CACHE_BYTES = 128 * 1024 * 1024;

/** Enough sets of an input and an output to hold twice what the device's cache does. */
function setsFor(bytes: number, cacheBytes: number): number {
  return Math.max(1, Math.min(MOST_SETS, Math.ceil(cacheBytes / Math.max(1, bytes))));
}

/** Rows that are checked of a fused operation: rows are independent, and the reference is slow. */
const CHECKED_ROWS = 8;
/** Elements that are checked of a lossy result. */
const MOST_NEAR = 1 << 18;

interface BufferSet {
  readonly input: Tensor;
  readonly output: Tensor;
  readonly norm?: NormOperands;
  /** Handed to every call on this set; only `algorithm` changes. */
  readonly options: { readonly out: Tensor; readonly op: ReduceOp; algorithm: Choice | undefined };
}

export class Workload {
  readonly key: PlanKey;
  /** Message size in bytes, as plans count it. */
  readonly bytes: number;
  readonly request: Request;
  readonly op: ReduceOp;
  readonly #comm: Communicator;
  readonly #sets: BufferSet[] = [];
  readonly #owned: Tensor[] = [];
  #next = 0;

  /** Collective: allocates. `bytes` must be a size that `sizeFor` returned. */
  constructor(comm: Communicator, key: PlanKey, bytes: number, op: ReduceOp = 'sum') {
    this.#comm = comm;
    this.op = op;
    this.key = key;
    this.bytes = bytes;
    this.request = { ...key, bytes };
    const sets = setsFor(bytes, comm.engine.traits.cacheBytes);
    for (let i = 0; i < sets; i++) this.#sets.push(this.#makeSet());
    this.prepare();
  }

  /** Number of buffer sets that calls rotate through. */
  get sets(): number {
    return this.#sets.length;
  }

  /**
   * The next set of buffers: rewrites its input and reads its outputs of last time, as the layers around a collective do, and then calls the
   * operation, by the plan or as chosen. `null` only touches.
   */
  run(choice: Choice | null): void {
    const set = this.#sets[this.#next]!;
    this.#next = this.#next + 1 === this.#sets.length ? 0 : this.#next + 1;
    this.#comm.touch(set.input, set.output, set.norm?.residual);
    if (choice) this.#call(set, choice);
  }

  /** Fills the inputs for timing. */
  prepare(): void {
    const { rank, worldSize } = this.#comm;
    // +x on rank 0, -x on rank 1 and zero elsewhere: sums stay zero however often they are reduced in place.
    const sign = worldSize > 1 ? ([1, -1][rank] ?? 0) : 1;
    for (const { input, norm } of this.#sets) {
      fill(input, (i) => sign * pattern(0, i));
      if (norm) fill(norm.residual!, (i) => pattern(RESIDUAL, i));
    }
  }

  /**
   * Runs it once on inputs whose sums are exact in every dtype, and compares with the reference. Leaves the inputs changed: `prepare` again.
   * @throws CrossoverError on the rank that finds a wrong element, with its index and both values.
   */
  check(choice: Choice): void {
    const set = this.#sets[0]!;
    const { rank, worldSize } = this.#comm;
    const { input, norm, output } = set;
    fill(input, (i) => pattern(rank, i));
    if (norm) fill(norm.residual!, (i) => pattern(RESIDUAL, i));
    // What an earlier contender left must not pass for this one's result.
    for (const result of [output, norm?.quantOut, norm?.scaleOut]) result && poison(result);
    this.#comm.group.barrier();
    this.#call(set, choice);
    const name = `${this.key.operation} ${choice.algorithm.name}`;
    if (norm) checkRows(name, norm, worldSize);
    else if (this.key.operation === 'all_gather') {
      for (let r = 0; r < worldSize; r++)
        checkPattern(name, output.view(r * input.count, [input.count]), (i) => pattern(r, i));
    } else {
      const from = this.key.operation === 'reduce_scatter' ? rank * output.count : 0;
      if (choice.algorithm.lossy) checkNear(name, output, this.op, worldSize);
      else checkPattern(name, output, (i) => expectation(this.key, this.op, worldSize, from + i));
    }
    this.#comm.group.barrier();
  }

  free(): void {
    for (const tensor of this.#owned.reverse()) tensor.free();
  }

  #call(set: BufferSet, choice: Choice): void {
    const { input, output, options } = set;
    options.algorithm = choice;
    switch (this.key.operation) {
      case 'all_reduce':
        this.#comm.allReduce(input, options);
        return;
      case 'all_gather':
        this.#comm.allGather(input, output, options);
        return;
      case 'reduce_scatter':
        this.#comm.reduceScatter(input, output, options);
        return;
      case 'broadcast':
        this.#comm.broadcast(input, 0, options);
        return;
      case 'all_reduce_rms_norm':
        this.#comm.allReduceRmsNorm(set.norm!, options);
    }
  }

  #makeSet(): BufferSet {
    const { operation, dtype, worldSize, hidden = 0 } = this.key;
    const count = this.bytes / dtypeBytes(dtype);
    if (operation === 'all_reduce_rms_norm') return this.#makeRows(dtype, count / hidden, hidden);
    const input = this.#own(dtype, [operation === 'all_gather' ? count / worldSize : count]);
    const output = this.#own(dtype, [operation === 'reduce_scatter' ? count / worldSize : count]);
    return { input, output, options: { out: output, op: this.op, algorithm: undefined } };
  }

  #makeRows(dtype: DType, tokens: number, hidden: number): BufferSet {
    const { quantization = 'none' } = this.key;
    const input = this.#own(dtype, [tokens, hidden]);
    const output = this.#own(dtype, [tokens, hidden]);
    const residual = this.#own(dtype, [tokens, hidden]);
    const weight = this.#own(dtype, [hidden]);
    fill(weight, (i) => 1 + pattern(7, i) / 4);
    const common = { input, residual, weight, epsilon: 1e-5, quantization } as const;
    const options = { out: output, op: this.op, algorithm: undefined };
    if (quantization === 'none') return { input, output, options, norm: { ...common, out: output } };
    const nvfp4 = quantization === 'nvfp4';
    const quantOut = nvfp4
      ? this.#own('e2m1x2', [tokens, hidden / 2])
      : this.#own(quantization === 'i8_token' ? 'i8' : 'f8e4m3', [tokens, hidden]);
    const scaleOut =
      quantization === 'f8e4m3_static'
        ? undefined
        : this.#own(nvfp4 ? 'f8e4m3' : 'f32', nvfp4 ? [tokens, hidden / 16] : [tokens]);
    const scale = nvfp4 ? 1 : quantization === 'f8e4m3_static' ? 0.05 : undefined;
    return { input, output, options, norm: { ...common, quantOut, scaleOut, scale } };
  }

  #own(dtype: DType, shape: readonly number[]): Tensor {
    const tensor = this.#comm.empty(dtype, shape);
    this.#owned.push(tensor);
    return tensor;
  }
}

/** The size nearest to `bytes` that the key can have, at least one unit: whole elements on every rank, whole rows. */
export function sizeFor(key: PlanKey, bytes: number): number {
  const element = dtypeBytes(key.dtype);
  const parts = key.operation === 'all_gather' || key.operation === 'reduce_scatter' ? key.worldSize : 1;
  const unit = element * parts * (key.hidden ?? 1);
  return Math.max(1, Math.round(bytes / unit)) * unit;
}

/** Arena bytes that a workload of this size takes on a device with such a cache, for the programs that make arenas. */
export function arenaFor(key: PlanKey, bytes: number, cacheBytes: number = LARGEST_CACHE_BYTES): number {
  return setsFor(bytes, cacheBytes) * (key.hidden === undefined ? 2 : 5) * (bytes + 1024);
}

/** Stands for the residual where a rank is asked for: the same values on all ranks. */
const RESIDUAL = 99;

/** Elements after which `pattern` repeats. */
const PERIOD = 17 * 256;

/** Multiples of 1/8 from -1 to 1: sums over up to 16 ranks are exact in f32, f16 and bf16. Repeats every PERIOD elements. */
export function pattern(rank: number, i: number): number {
  return (((i * 7 + (i >> 8) * 5 + rank * 13) % 17) - 8) / 8;
}

/** One period of a function that repeats every PERIOD elements, as bytes; fewer when `count` is less. */
function period(dtype: DType, count: number, value: (i: number) => number): Uint8Array {
  const values = new Float64Array(Math.min(count, PERIOD));
  for (let i = 0; i < values.length; i++) values[i] = value(i);
  return encodeArray(dtype, values);
}

/** Fills a tensor with a function that repeats every PERIOD elements: encoded once, then copied. */
function fill(tensor: Tensor, value: (i: number) => number): void {
  const tile = period(tensor.dtype, tensor.count, value);
  const bytes = new Uint8Array(tensor.bytes);
  for (let at = 0; at < bytes.length; at += tile.length) {
    bytes.set(at + tile.length <= bytes.length ? tile : tile.subarray(0, bytes.length - at), at);
  }
  tensor.writeBytes(bytes);
}

/** Bytes that no check accepts: no multiple of 1/8 in any dtype, no scale, no code in a row. */
export function poison(tensor: Tensor): void {
  tensor.writeBytes(new Uint8Array(tensor.bytes).fill(0xa5));
}

/** Element `i` of the result of a reduction or broadcast of patterns: exact, or rounded as kernels round. */
function expectation(key: PlanKey, op: ReduceOp, worldSize: number, i: number): number {
  if (key.operation === 'broadcast') return pattern(0, i);
  const exact = reduceExactly(
    op,
    Array.from({ length: worldSize }, (_, rank) => pattern(rank, i)),
  );
  return op === 'avg' ? roundToDType(key.dtype, Math.fround(exact)) : exact;
}

/** Compares a tensor with a function that repeats every PERIOD elements, byte by byte. */
function checkPattern(name: string, tensor: Tensor, value: (i: number) => number): void {
  const tile = period(tensor.dtype, tensor.count, value);
  const actual = tensor.readBytes();
  for (let at = 0; at < actual.length; at += tile.length) {
    const here = actual.subarray(at, at + tile.length);
    if (Buffer.compare(here, tile.subarray(0, here.length)) === 0) continue;
    const wrong = here.findIndex((byte, i) => byte !== tile[i]);
    const index = Math.floor((at + wrong) / dtypeBytes(tensor.dtype));
    const found = decodeArray(tensor.dtype, actual)[index];
    throw new CrossoverError(
      `${name} is wrong at element ${index} of ${tensor.count}: ${found}, must be ${value(index % PERIOD)}`,
    );
  }
}

/** Compares some elements of a lossy all-reduce of patterns with what it may be at most away from. */
function checkNear(name: string, tensor: Tensor, op: ReduceOp, worldSize: number): void {
  const actual = tensor.read();
  const step = Math.max(1, Math.ceil(actual.length / MOST_NEAR));
  for (let i = 0; i < actual.length; i += step) {
    const values = Array.from({ length: worldSize }, (_, rank) => pattern(rank, i));
    const magnitude = values.reduce((sum, value) => sum + Math.abs(value), 0);
    const exact = reduceExactly(op, values);
    if (Math.abs(actual[i]! - exact) <= lossyBound(worldSize, magnitude, exact) + 2 ** -7 * Math.abs(exact))
      continue;
    throw new CrossoverError(
      `${name} is wrong at element ${i} of ${actual.length}: ${actual[i]}, must be near ${exact}`,
    );
  }
}

function reduceExactly(op: ReduceOp, values: readonly number[]): number {
  if (op === 'max') return Math.max(...values);
  if (op === 'min') return Math.min(...values);
  const sum = values.reduce((a, b) => a + b);
  return op === 'avg' ? sum / values.length : sum;
}

/**
 * Checks some rows, the first and the last among them, against the reference: the residual stream bit by bit, the plain output to 2 ulp, and
 * quantized output to one code and 4 ulp of its scales, since it is made from an output that may be an ulp off.
 */
function checkRows(name: string, norm: NormOperands, worldSize: number): void {
  const [tokens = 0, hidden = 0] = norm.input.shape;
  const { dtype } = norm.input;
  if (!isReducible(dtype)) return;
  const weight = norm.weight!.read();
  const step = Math.max(1, Math.ceil(tokens / CHECKED_ROWS));
  for (let k = 0; k < tokens; k += step) {
    const token = k + step < tokens ? k : tokens - 1;
    const at = token * hidden;
    const row = (rank: number): Float64Array =>
      Float64Array.from({ length: hidden }, (_, i) => pattern(rank, at + i));
    const inputs = Array.from({ length: worldSize }, (_, rank) => row(rank));
    const { quantization, scale, epsilon } = norm;
    const operands = { inputs, residual: row(RESIDUAL), weight, epsilon, quantization, scale };
    const { residualOut, output, quantized } = allReduceRmsNormRounded(operands, dtype);
    const compare = (
      what: string,
      tensor: Tensor | undefined,
      expected: ArrayLike<number>,
      tolerance: number,
    ): void => {
      if (!tensor) return;
      const perRow = tensor.count / tokens;
      const bytes = tensor.view(token * perRow, [perRow]).readBytes();
      const worst = worstUlpError(tensor.dtype, bytes, expected);
      if (worst.error <= tolerance) return;
      const found = `${worst.actual}, must be ${worst.expected} within ${tolerance} ulp`;
      throw new CrossoverError(`${name} ${what} is wrong at token ${token}, column ${worst.index}: ${found}`);
    };
    compare('residual', norm.residual, residualOut, 0);
    compare('output', norm.out, output, 2);
    if (!quantized) continue;
    compare('codes', norm.quantOut, decodeArray(quantized.dtype, quantized.bytes), 1);
    compare('scales', norm.scaleOut, quantized.scales, quantized.scaleDtype === 'f32' ? 4 : 1);
  }
}
