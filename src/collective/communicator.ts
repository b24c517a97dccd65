/**
 * @file What programs hold: tensors in the symmetric heap, and collectives on them that follow the plan.
 *
 * Every method that involves other ranks must be called by all ranks in the same order with the same shapes; when they disagree, all of them
 * get a MismatchError and nothing was written.
 */
import type { Engine, Recording } from '../engine/engine.ts';
import { CrossoverError } from '../errors.ts';
import type { Group } from '../group/group.ts';
import { SymmetricHeap } from '../memory/heap.ts';
import { Tensor } from '../memory/tensor.ts';
import { OPERATIONS, type Operation, type ReduceOp } from '../operations.ts';
import type { Explanation } from '../plan/explain.ts';
import { compilePlan, type PlanIndex } from '../plan/lookup.ts';
import type { Plan } from '../plan/plan.ts';
import { type DType, dtypeBytes, parseDType } from '../tensor/dtype.ts';
import { elementCount } from '../tensor/shape.ts';
import type { Choice, Request, Tunables } from './algorithm.ts';
import { Calls, type Override } from './calls.ts';
import { Dispatcher } from './dispatch.ts';
import { type ExplainOptions, explainCall } from './explain.ts';
import { fillNorm, type NormOperands } from './fused.ts';
import type { Staged } from './outside.ts';
import {
  checkApart,
  checkCount,
  checkOutside,
  checkOverlap,
  checkParts,
  checkReducible,
  checkRoot,
  checkSameDType,
  checkTensor,
  partBegin,
  reduceOpCode,
  shapeOf,
} from './validate.ts';

const ALL_REDUCE = OPERATIONS.indexOf('all_reduce');
const ALL_GATHER = OPERATIONS.indexOf('all_gather');
const REDUCE_SCATTER = OPERATIONS.indexOf('reduce_scatter');
const BROADCAST = OPERATIONS.indexOf('broadcast');
const FUSED = OPERATIONS.indexOf('all_reduce_rms_norm');

export interface AllReduceOptions extends Override {
  /** Like the input; the input itself by default. */
  readonly out?: Tensor | undefined;
  /** `sum` by default. */
  readonly op?: ReduceOp | undefined;
}

export interface PartsOptions extends Override {
  /**
   * Elements of every rank's part, equal on all ranks, where parts differ: rank r's lies behind those of lower ranks. They add up to the gathered
   * tensor; zeros are fine. Equal parts by default. Plans go by the bytes of the whole.
   */
  readonly parts?: readonly number[] | undefined;
}

export interface ReduceScatterOptions extends PartsOptions {
  /** `sum` by default. */
  readonly op?: ReduceOp | undefined;
}

const NO_OPTIONS: AllReduceOptions & ReduceScatterOptions = Object.freeze({});

export class Communicator {
  readonly group: Group;
  readonly engine: Engine;
  readonly heap: SymmetricHeap;
  readonly #plan: PlanIndex | undefined;
  readonly #dispatcher: Dispatcher;
  readonly #calls: Calls;

  /** Made by `createCommunicator`. `plan` is the same on all ranks. */
  constructor(engine: Engine, plan: Plan | undefined, warn: (line: string) => void) {
    this.engine = engine;
    this.group = engine.group;
    this.heap = new SymmetricHeap(engine);
    this.#plan = plan && compilePlan(plan);
    let warned = false;
    this.#dispatcher = new Dispatcher(engine, this.#plan, (key, algorithm) => {
      if (warned || this.rank !== 0) return;
      warned = true;
      warn(
        `no plan covers ${key}; using ${algorithm}, untuned. "crossover tune" measures what is faster here`,
      );
    });
    this.#calls = new Calls(engine, this.heap, this.#dispatcher);
  }

  get rank(): number {
    return this.group.rank;
  }

  get worldSize(): number {
    return this.group.size;
  }

  // ---------- tensors ----------

  /** A tensor in the symmetric heap, zero or not: its contents are whatever was there. All ranks allocate in the same order. */
  empty(dtype: DType, shape: readonly number[]): Tensor {
    this.#calls.open();
    parseDType(dtype);
    const address = this.heap.allocate(elementCount(shape) * dtypeBytes(dtype));
    return new Tensor(this.engine, this.heap, dtype, shape, address);
  }

  /** The same, filled with values, each rounded once to the dtype. */
  tensor(dtype: DType, shape: readonly number[], values: ArrayLike<number>): Tensor {
    const tensor = this.empty(dtype, shape);
    try {
      return tensor.write(values);
    } catch (error) {
      tensor.free();
      throw error;
    }
  }

  /**
   * A tensor over memory of this rank's device that something else allocated, owns and frees. Calls take it like any other. Algorithms that let
   * peers reach for a buffer copy it through the symmetric heap, which `staged` counts and `explain` says.
   *
   * Collective in this sense: all ranks wrap as many bytes, in the same order, equally far from a multiple of 16, and give such tensors to the same
   * calls. What other streams do with the memory has to have finished before a call, and waits for `synchronize` after it.
   * @throws CrossoverError on engines whose memory is the heap alone, and for memory that this rank's device cannot use
   */
  wrap(dtype: DType, shape: readonly number[], address: number | bigint): Tensor {
    this.#calls.open();
    const at = Number(address);
    const bytes = elementCount(shape) * dtypeBytes(parseDType(dtype));
    checkOutside(at, bytes, dtype, this.engine);
    this.heap.noteOutside(bytes);
    return new Tensor(this.engine, this.heap, dtype, shape, at);
  }

  /** Calls whose buffers lay outside the symmetric heap and had to be copied through it, and the bytes that were copied. */
  get staged(): Staged {
    return { ...this.#calls.outside.staged };
  }

  // ---------- collectives ----------

  /** Replaces `x` (or fills `out`) with the reduction over all ranks; returns it. */
  allReduce(x: Tensor, options: AllReduceOptions = NO_OPTIONS): Tensor {
    this.#calls.open();
    const out = options.out ?? x;
    checkTensor('x', x, this.heap);
    checkReducible('x', x);
    if (out !== x) {
      checkTensor('out', out, this.heap);
      checkSameDType('out', out, 'x', x);
      checkCount('out', out, x.count, `as x ${shapeOf(x)}`);
      checkOverlap('x', x, 'out', out);
    }
    this.#calls.fill(x, out, options.op === undefined ? 0 : reduceOpCode(options.op), 0);
    this.#calls.dispatch(ALL_REDUCE, x.bytes, options);
    return out;
  }

  /** Fills `out` with all ranks' `x` in rank order: out has worldSize times the elements, or as many as `parts`. `x` may be this rank's part of `out`. */
  allGather(x: Tensor, out: Tensor, options: PartsOptions = NO_OPTIONS): Tensor {
    this.#calls.open();
    checkTensor('x', x, this.heap);
    checkTensor('out', out, this.heap);
    checkSameDType('out', out, 'x', x);
    const parts = options.parts && checkParts(options.parts, this.worldSize, 'out', out);
    if (parts) checkCount('x', x, parts[this.rank]!, `parts[${this.rank}]`);
    else checkCount('out', out, x.count * this.worldSize, `${this.worldSize} ranks times x ${shapeOf(x)}`);
    const inPlace = x.address === out.address + this.#partBegin(x, parts);
    if (!inPlace) checkApart('x', x, 'out', out);
    // In place, x starts elsewhere on every rank; what ranks have in common is out.
    this.#calls.fill(x, out, 0, 0);
    if (inPlace) this.#calls.launch.input = out.address;
    if (parts) {
      this.#calls.launch.parts = parts;
      this.#calls.launch.count = Math.max(...parts);
    }
    this.#calls.dispatch(ALL_GATHER, out.bytes, options);
    return out;
  }

  /** Fills `out` with this rank's part (the rank-th of worldSize equal ones, or of `parts`) of the reduction of all ranks' `x`. `out` may be that part of `x`. */
  reduceScatter(x: Tensor, out: Tensor, options: ReduceScatterOptions = NO_OPTIONS): Tensor {
    this.#calls.open();
    checkTensor('x', x, this.heap);
    checkReducible('x', x);
    checkTensor('out', out, this.heap);
    checkSameDType('out', out, 'x', x);
    const parts = options.parts && checkParts(options.parts, this.worldSize, 'x', x);
    if (parts) checkCount('out', out, parts[this.rank]!, `parts[${this.rank}]`);
    else checkCount('x', x, out.count * this.worldSize, `${this.worldSize} ranks times out ${shapeOf(out)}`);
    const inPlace = out.address === x.address + this.#partBegin(out, parts);
    if (!inPlace) checkApart('x', x, 'out', out);
    this.#calls.fill(x, out, options.op === undefined ? 0 : reduceOpCode(options.op), 0);
    if (inPlace) this.#calls.launch.output = x.address;
    if (parts) this.#calls.launch.parts = parts;
    this.#calls.dispatch(REDUCE_SCATTER, x.bytes, options);
    return out;
  }

  /** Bytes before this rank's part, which is `own`. */
  #partBegin(own: Tensor, parts: readonly number[] | undefined): number {
    return parts ? partBegin(parts, this.rank) * dtypeBytes(own.dtype) : this.rank * own.bytes;
  }

  /** Replaces `x` (or fills `out`) with the root's `x`, on every rank; any dtype. */
  broadcast(
    x: Tensor,
    root = 0,
    options: Override & { readonly out?: Tensor | undefined } = NO_OPTIONS,
  ): Tensor {
    this.#calls.open();
    const out = options.out ?? x;
    checkTensor('x', x, this.heap);
    checkRoot(root, this.worldSize);
    if (out !== x) {
      checkTensor('out', out, this.heap);
      checkSameDType('out', out, 'x', x);
      checkCount('out', out, x.count, `as x ${shapeOf(x)}`);
      checkOverlap('x', x, 'out', out);
    }
    this.#calls.fill(x, out, 0, root);
    this.#calls.dispatch(BROADCAST, x.bytes, options);
    return out;
  }

  /** All-reduce, residual add, RMSNorm and quantization in one; see NormOperands for shapes. Overwrites `input` when the plan says unfused. */
  allReduceRmsNorm(operands: NormOperands, options: Override = NO_OPTIONS): void {
    this.#calls.open();
    fillNorm(this.#calls.launch, operands, this.heap, this.engine.maxHidden);
    this.#calls.operands(operands.input, operands.input);
    this.#calls.dispatch(FUSED, operands.input.bytes, options);
  }

  // ---------- local operations, the pieces of the unfused sequence ----------

  /** RMSNorm [after adding a residual] [then quantized] on this rank alone. */
  rmsNorm(operands: NormOperands): void {
    this.#calls.open();
    fillNorm(this.#calls.launch, operands, this.heap, this.engine.maxHidden);
    this.#calls.local('rms_norm');
  }

  /** out = x + y, rounded once; `out` may be either. */
  add(x: Tensor, y: Tensor, out: Tensor): Tensor {
    this.#calls.open();
    for (const [name, t] of [
      ['x', x],
      ['y', y],
      ['out', out],
    ] as const) {
      checkTensor(name, t, this.heap);
      checkSameDType(name, t, 'x', x);
      checkCount(name, t, x.count, `as x ${shapeOf(x)}`);
    }
    checkReducible('x', x);
    checkOverlap('x', x, 'out', out);
    checkOverlap('y', y, 'out', out);
    this.#calls.fill(x, out, 0, 0);
    this.#calls.launch.residual = y.address;
    this.#calls.local('add');
    return out;
  }

  /** Quantizes `input` as the fused operation quantizes its output. */
  quantize(operands: Pick<NormOperands, 'input' | 'quantization' | 'quantOut' | 'scaleOut' | 'scale'>): void {
    this.#calls.open();
    if ((operands.quantization ?? 'none') === 'none')
      throw new CrossoverError('quantization is none; there is nothing to write');
    fillNorm(this.#calls.launch, { ...operands, epsilon: 0 }, this.heap, this.engine.maxHidden);
    this.#calls.local('quantize');
  }

  /**
   * What a model does around a collective, for benchmarks: rewrites the bytes of `written` and reads those of the others, on this rank.
   * Engines without caches that peers share do nothing.
   */
  touch(written: Tensor, read: Tensor, alsoRead?: Tensor): void {
    this.#calls.open();
    if (this.engine.missing('touch')) return;
    checkTensor('written', written, this.heap);
    checkTensor('read', read, this.heap);
    this.#calls.fill(written, read, 0, 0);
    this.#calls.launch.count = written.bytes;
    this.#calls.launch.tokens = read.bytes;
    this.#calls.launch.residualOut = alsoRead?.address ?? 0;
    this.#calls.launch.hidden = alsoRead?.bytes ?? 0;
    this.#calls.local('touch');
  }

  /** Lets what comes next start on all ranks' devices at once, for benchmarks; engines whose kernels are no different do nothing. Collective. */
  meet(): void {
    this.#calls.open();
    if (this.worldSize > 1 && this.engine.missing('barrier') === undefined) this.#calls.meet();
  }

  // ---------- recording ----------

  /** Records what `body` enqueues, without running it. Collective. Replaying is cheaper than calling, and waits for the whole sequence. */
  capture(body: () => void): Recording {
    this.#calls.open();
    this.heap.verify();
    this.engine.beginCapture();
    this.#calls.capturing = true;
    try {
      body();
    } catch (error) {
      this.engine.abortCapture();
      throw error;
    } finally {
      this.#calls.capturing = false;
    }
    const { launches, replay, enqueue, close } = this.heap.attempt(() => this.engine.endCapture());
    const guarded =
      <T extends number | undefined>(run: (times: T) => void) =>
      (times: T): void => {
        this.#calls.open();
        try {
          run(times);
        } catch (error) {
          this.heap.rethrow(error);
        }
      };
    return { launches, replay: guarded(replay), ...(enqueue && { enqueue: guarded(enqueue) }), close };
  }

  /** Waits for everything enqueued on this rank. */
  synchronize(): void {
    this.heap.attempt(() => this.engine.synchronize());
  }

  // ---------- the plan ----------

  /** Which algorithm serves an operation of so many bytes, why, and by how much. Throws when there is no plan. */
  explain(operation: Operation, bytes: number, options: ExplainOptions = {}): Explanation {
    if (!this.#plan)
      throw new CrossoverError('there is no plan to explain; run "crossover tune" and pass its file as plan');
    return explainCall(this.#plan, this.#dispatcher, operation, bytes, options);
  }

  /** What a call of these codes would run; for benches. Allocates nothing. */
  select(operation: number, dtype: number, bytes: number, quantization = 0, hidden = 0): Choice {
    return this.#dispatcher.select(
      operation,
      dtype,
      this.#calls.capturing ? 1 : 0,
      quantization,
      hidden,
      bytes,
      false,
    );
  }

  /**
   * An algorithm by name with tunables (its defaults where absent), for calls that override the plan.
   * Throws when there is none of that name, when it refuses the request, or has no such tunable.
   */
  choose(request: Request, name: string, tunables?: Tunables): Choice {
    return this.#calls.choose(request, name, tunables);
  }

  close(): void {
    if (this.#calls.closed) return;
    this.#calls.closed = true;
    this.engine.close();
  }
}
