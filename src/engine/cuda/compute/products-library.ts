/**
 * @file Matrix products by cuBLASLt. To it, which is column-major, out [tokens, outer] is outer x tokens: the weight's transpose, transposed, by
 * that of x. Calls go to the engine's stream and may be recorded.
 */

import {
  ALGORITHM_BYTES,
  COMPUTE_32F,
  type CublasLt,
  checkLt,
  DESCRIPTOR,
  EPILOGUE_BIAS,
  LAYOUT,
  LT_SUCCESS,
  type LtDescriptor,
  type LtHandle,
  type LtLayout,
  type LtPreference,
  ltHandleFrom,
  OP_T,
  PREFERENCE,
  R_8F_E4M3,
  R_16BF,
  R_32F,
  SCALE_OUTER_VECTOR,
  SUGGESTION_BYTES,
  SUGGESTION_STATUS,
} from '../../../ffi/cublaslt.ts';
import { numberFrom } from '../../../ffi/cuda.ts';
import type { Device } from '../device.ts';
import type { ProductShape } from './products-ways.ts';

/** What a product is besides its shape. */
export interface LibraryProduct extends ProductShape {
  readonly bias: boolean;
  /** Codes: whether scales are a vector, of outer for the weight and of tokens for x. */
  readonly vectors: boolean;
}

/** Addresses; 0 where there is none. */
export interface LibraryOperands {
  readonly out: number;
  readonly x: number;
  readonly weight: number;
  readonly bias: number;
  readonly xScale: number;
  readonly weightScale: number;
}

/** A product that cuBLASLt has ways for. */
export interface Problem {
  readonly name: string;
  readonly descriptor: LtDescriptor;
  readonly a: LtLayout;
  readonly b: LtLayout;
  readonly d: LtLayout;
  /** The first is its best guess. */
  readonly algorithms: readonly Uint8Array[];
  /** Those that have run, so that their kernels are loaded. */
  readonly loaded: Set<Uint8Array>;
  /** Algorithms that do not work for it: of the same product with another end, or suggested in vain. */
  readonly refused: Set<Uint8Array>;
}

/** Invalid value, not supported: what a suggestion may turn out to be. */
const UNSUPPORTED: readonly number[] = [7, 15];
const WORKSPACE_BYTES = 32 << 20;
const MOST_SUGGESTIONS = 8;
/** What operands are aligned to at least, in bytes. */
const ALIGNMENT = 16;
/** Problems that are kept; prompts have any number of tokens. */
const MOST_PROBLEMS = 4096;

export class ProductLibrary {
  readonly version: number;
  readonly #lt: CublasLt;
  readonly #device: Device;
  readonly #handle: LtHandle;
  readonly #preference: LtPreference;
  readonly #workspace: number;
  readonly #problems = new Map<string, Problem | undefined>();
  readonly #one: Float32Array = Float32Array.of(1);
  readonly #zero: Float32Array = Float32Array.of(0);
  readonly #address: BigUint64Array = new BigUint64Array(1);

  constructor(lt: CublasLt, device: Device) {
    this.#lt = lt;
    this.#device = device;
    this.version = lt.version();
    this.#handle = ltHandleFrom((out) => lt.create(out), 'cublasLtCreate');
    this.#preference = ltHandleFrom((out) => lt.preferenceCreate(out), 'cublasLtMatmulPreferenceCreate');
    const { workspaceBytes, alignments } = PREFERENCE;
    const prefer = (attribute: number, value: ArrayBufferView): void =>
      checkLt(
        lt.preferenceSet(this.#preference, attribute, value, value.byteLength),
        `cublasLtMatmulPreferenceSetAttribute ${attribute}`,
      );
    prefer(workspaceBytes, BigUint64Array.of(BigInt(WORKSPACE_BYTES)));
    for (const attribute of alignments) prefer(attribute, Uint32Array.of(ALIGNMENT));
    this.#workspace = numberFrom(
      (out) => device.cuda.memAlloc(out, WORKSPACE_BYTES),
      `cuMemAlloc of ${WORKSPACE_BYTES} bytes`,
    );
  }

  /** Undefined where cuBLASLt has no way. */
  problem(product: LibraryProduct): Problem | undefined {
    const { tokens, outer, inner, groups, codes, bias, vectors } = product;
    const key = `${tokens} ${outer} ${inner} ${groups} ${codes} ${bias} ${vectors}`;
    if (this.#problems.has(key)) return this.#problems.get(key);
    if (this.#problems.size === MOST_PROBLEMS) this.#forget();
    const problem = this.#define(product);
    this.#problems.set(key, problem);
    return problem;
  }

  /**
   * By `algorithm` where the problem has it, else by the first suggestion that works; false where none does. `loading` makes calls that may load
   * kernels.
   */
  run(
    problem: Problem,
    algorithm: Uint8Array | undefined,
    operands: LibraryOperands,
    loading: (call: () => number) => number,
  ): boolean {
    const { bias, xScale, weightScale } = operands;
    if (bias !== 0) this.#point(problem, DESCRIPTOR.biasPointer, bias);
    if (weightScale !== 0) this.#point(problem, DESCRIPTOR.scaleA, weightScale);
    if (xScale !== 0) this.#point(problem, DESCRIPTOR.scaleB, xScale);
    const { loaded, refused, algorithms } = problem;
    for (const wanted of algorithm ? [algorithm, ...algorithms] : algorithms) {
      if (refused.has(wanted)) continue;
      const call = (): number => this.#multiply(problem, wanted, operands);
      const status = loaded.has(wanted) ? call() : loading(call);
      if (status === LT_SUCCESS) {
        loaded.add(wanted);
        return true;
      }
      if (!UNSUPPORTED.includes(status)) checkLt(status, problem.name);
      refused.add(wanted);
    }
    return false;
  }

  /** Nothing of it may be under way. */
  close(): void {
    this.#forget();
    this.#lt.preferenceDestroy(this.#preference);
    this.#lt.destroy(this.#handle);
    this.#device.cuda.memFree(this.#workspace);
  }

  #multiply(problem: Problem, algorithm: Uint8Array, { out, x, weight }: LibraryOperands): number {
    const { descriptor, a, b, d } = problem;
    return this.#lt.multiply(
      this.#handle,
      descriptor,
      this.#one,
      weight,
      a,
      x,
      b,
      this.#zero,
      out,
      d,
      out,
      d,
      algorithm,
      this.#workspace,
      WORKSPACE_BYTES,
      this.#device.stream,
    );
  }

  #define({ tokens, outer, inner, groups, codes, bias, vectors }: LibraryProduct): Problem | undefined {
    const type = codes ? R_8F_E4M3 : R_16BF;
    const descriptor = ltHandleFrom<LtDescriptor>(
      (out) => this.#lt.descriptorCreate(out, COMPUTE_32F, R_32F),
      'cublasLtMatmulDescCreate',
    );
    const a = this.#layout(type, inner, outer, inner, groups, outer * inner);
    const b = this.#layout(type, inner, tokens, inner * groups, groups, inner);
    const d = this.#layout(R_16BF, outer, tokens, outer * groups, groups, outer);
    this.#set(descriptor, DESCRIPTOR.transposeA, OP_T);
    if (bias) this.#set(descriptor, DESCRIPTOR.epilogue, EPILOGUE_BIAS);
    let possible = true;
    if (vectors) {
      for (const attribute of [DESCRIPTOR.scaleModeA, DESCRIPTOR.scaleModeB]) {
        // Versions before 12.9 know of no vectors.
        const value = Int32Array.of(SCALE_OUTER_VECTOR);
        possible &&= this.#lt.descriptorSet(descriptor, attribute, value, value.byteLength) === LT_SUCCESS;
      }
    }
    const name = `cublasLtMatmul of ${tokens} tokens, outer ${outer}, inner ${inner}${groups > 1 ? `, ${groups} heads` : ''}${codes ? ', f8e4m3' : ''}`;
    const problem: Problem = {
      name,
      descriptor,
      a,
      b,
      d,
      algorithms: possible ? this.#suggestions(descriptor, a, b, d) : [],
      loaded: new Set(),
      refused: new Set(),
    };
    if (problem.algorithms.length > 0) return problem;
    this.#destroy(problem);
    return undefined;
  }

  #suggestions(descriptor: LtDescriptor, a: LtLayout, b: LtLayout, d: LtLayout): Uint8Array[] {
    const results = new Uint8Array(MOST_SUGGESTIONS * SUGGESTION_BYTES);
    const found = new Int32Array(1);
    const status = this.#lt.suggest(
      this.#handle,
      descriptor,
      a,
      b,
      d,
      d,
      this.#preference,
      MOST_SUGGESTIONS,
      results,
      found,
    );
    if (status !== LT_SUCCESS) return [];
    const view = new DataView(results.buffer);
    return Array.from({ length: found[0]! }, (_, i) => i * SUGGESTION_BYTES)
      .filter((at) => view.getInt32(at + SUGGESTION_STATUS, true) === LT_SUCCESS)
      .map((at) => results.slice(at, at + ALGORITHM_BYTES));
  }

  /** Column-major, `leading` elements from a column to the next. */
  #layout(
    type: number,
    rows: number,
    columns: number,
    leading: number,
    batches: number,
    stride: number,
  ): LtLayout {
    const layout = ltHandleFrom<LtLayout>(
      (out) => this.#lt.layoutCreate(out, type, rows, columns, leading),
      'cublasLtMatrixLayoutCreate',
    );
    if (batches > 1) {
      const set = (attribute: number, value: ArrayBufferView): void =>
        checkLt(
          this.#lt.layoutSet(layout, attribute, value, value.byteLength),
          `cublasLtMatrixLayoutSetAttribute ${attribute}`,
        );
      set(LAYOUT.batches, Int32Array.of(batches));
      set(LAYOUT.batchStride, BigInt64Array.of(BigInt(stride)));
    }
    return layout;
  }

  #set(descriptor: LtDescriptor, attribute: number, value: number): void {
    checkLt(
      this.#lt.descriptorSet(descriptor, attribute, Int32Array.of(value), 4),
      `cublasLtMatmulDescSetAttribute ${attribute}`,
    );
  }

  #point({ descriptor }: Problem, attribute: number, address: number): void {
    this.#address[0] = BigInt(address);
    checkLt(
      this.#lt.descriptorSet(descriptor, attribute, this.#address, 8),
      `cublasLtMatmulDescSetAttribute ${attribute}`,
    );
  }

  #forget(): void {
    for (const problem of this.#problems.values()) if (problem) this.#destroy(problem);
    this.#problems.clear();
  }

  #destroy({ descriptor, a, b, d }: Problem): void {
    for (const layout of [a, b, d]) this.#lt.layoutDestroy(layout);
    this.#lt.descriptorDestroy(descriptor);
  }
}
