/**
 * @file cuBLASLt: the functions that crossover calls, with the C prototype of each next to its TypeScript type, and the numbers they take.
 *
 * A product is a descriptor (what is computed), a layout for each matrix, and an algorithm: 64 opaque bytes that cuBLASLt suggests for them. Matrices are
 * column-major there: a row-major matrix is its transpose.
 */
import { CrossoverError } from '../errors.ts';
import type { CUstream } from './cuda.ts';
import { type Bound, bindAll, openLibrary, type Pointer, type Prototype } from './library.ts';

type Handle<Name> = bigint & { readonly handle: Name };
export type LtHandle = Handle<'cublasLt'>;
export type LtDescriptor = Handle<'cublasLtMatmulDesc'>;
export type LtLayout = Handle<'cublasLtMatrixLayout'>;
export type LtPreference = Handle<'cublasLtMatmulPreference'>;
export type LtStatus = number;

type F<A extends unknown[]> = Prototype<(...args: A) => LtStatus>;

const FUNCTIONS = {
  version: 'size_t cublasLtGetVersion()' as Prototype<() => number>,
  create: 'int cublasLtCreate(void *handle)' as F<[handle: Pointer]>,
  destroy: 'int cublasLtDestroy(void *handle)' as F<[handle: LtHandle]>,

  descriptorCreate: 'int cublasLtMatmulDescCreate(void *descriptor, int compute, int scale)' as F<
    [descriptor: Pointer, compute: number, scale: number]
  >,
  descriptorDestroy: 'int cublasLtMatmulDescDestroy(void *descriptor)' as F<[descriptor: LtDescriptor]>,
  descriptorSet:
    'int cublasLtMatmulDescSetAttribute(void *descriptor, int attribute, void *value, size_t bytes)' as F<
      [descriptor: LtDescriptor, attribute: number, value: Pointer, bytes: number]
    >,

  layoutCreate:
    'int cublasLtMatrixLayoutCreate(void *layout, int type, uint64_t rows, uint64_t columns, int64_t leading)' as F<
      [layout: Pointer, type: number, rows: number, columns: number, leading: number]
    >,
  layoutDestroy: 'int cublasLtMatrixLayoutDestroy(void *layout)' as F<[layout: LtLayout]>,
  layoutSet:
    'int cublasLtMatrixLayoutSetAttribute(void *layout, int attribute, void *value, size_t bytes)' as F<
      [layout: LtLayout, attribute: number, value: Pointer, bytes: number]
    >,

  preferenceCreate: 'int cublasLtMatmulPreferenceCreate(void *preference)' as F<[preference: Pointer]>,
  preferenceDestroy: 'int cublasLtMatmulPreferenceDestroy(void *preference)' as F<[preference: LtPreference]>,
  preferenceSet:
    'int cublasLtMatmulPreferenceSetAttribute(void *preference, int attribute, void *value, size_t bytes)' as F<
      [preference: LtPreference, attribute: number, value: Pointer, bytes: number]
    >,

  suggest:
    'int cublasLtMatmulAlgoGetHeuristic(void *handle, void *descriptor, void *a, void *b, void *c, void *d, void *preference, int count, void *results, void *found)' as F<
      [
        handle: LtHandle,
        descriptor: LtDescriptor,
        a: LtLayout,
        b: LtLayout,
        c: LtLayout,
        d: LtLayout,
        preference: LtPreference,
        count: number,
        results: Pointer,
        found: Pointer,
      ]
    >,
  multiply:
    'int cublasLtMatmul(void *handle, void *descriptor, void *alpha, void *a, void *aLayout, void *b, void *bLayout, void *beta, void *c, void *cLayout, void *d, void *dLayout, void *algorithm, void *workspace, size_t workspaceBytes, void *stream)' as F<
      [
        handle: LtHandle,
        descriptor: LtDescriptor,
        alpha: Pointer,
        a: number,
        aLayout: LtLayout,
        b: number,
        bLayout: LtLayout,
        beta: Pointer,
        c: number,
        cLayout: LtLayout,
        d: number,
        dLayout: LtLayout,
        algorithm: Pointer,
        workspace: number,
        workspaceBytes: number,
        stream: CUstream,
      ]
    >,
};

export interface CublasLt extends Bound<typeof FUNCTIONS> {
  /** What it was loaded by. */
  readonly path: string;
}

// ---- enumerations, by the names of cublasLt.h ----

export const LT_SUCCESS = 0;
export const COMPUTE_32F = 68;
export const R_32F = 0;
export const R_16BF = 14;
export const R_8F_E4M3 = 28;
export const OP_T = 1;

/** cublasLtMatmulDescAttributes_t */
export const DESCRIPTOR = {
  transposeA: 3,
  epilogue: 7,
  biasPointer: 8,
  scaleA: 17,
  scaleB: 18,
  scaleModeA: 31,
  scaleModeB: 32,
} as const;
export const EPILOGUE_BIAS = 4;
/** A float32 for every row of op(A), or column of op(B); of cuBLASLt 12.9 and later. */
export const SCALE_OUTER_VECTOR = 3;

/** cublasLtMatrixLayoutAttribute_t */
export const LAYOUT = { batches: 5, batchStride: 6 } as const;

/** cublasLtMatmulPreferenceAttributes_t; the alignments are of A, B, C and D, in bytes. */
export const PREFERENCE = { workspaceBytes: 1, alignments: [5, 6, 7, 8] } as const;

/** cublasLtMatmulHeuristicResult_t: the algorithm, then size_t workspace, int status, float waves, int reserved[4]. */
export const ALGORITHM_BYTES = 64;
export const SUGGESTION_BYTES = 96;
export const SUGGESTION_STATUS = 72;

/** cublasStatus_t */
const STATUS: Readonly<Record<number, string>> = {
  1: 'CUBLAS_STATUS_NOT_INITIALIZED',
  3: 'CUBLAS_STATUS_ALLOC_FAILED',
  7: 'CUBLAS_STATUS_INVALID_VALUE',
  8: 'CUBLAS_STATUS_ARCH_MISMATCH',
  11: 'CUBLAS_STATUS_MAPPING_ERROR',
  13: 'CUBLAS_STATUS_EXECUTION_FAILED',
  14: 'CUBLAS_STATUS_INTERNAL_ERROR',
  15: 'CUBLAS_STATUS_NOT_SUPPORTED',
};

let bound: CublasLt | undefined;

/** cuBLASLt, bound once a thread. @throws CrossoverError when there is none, or it lacks a function */
export function cublasLt(): CublasLt {
  if (bound) return bound;
  const library = openLibrary('cublaslt');
  bound = { ...bindAll(library, FUNCTIONS), path: library.path };
  return bound;
}

/** @throws CrossoverError "what: CUBLAS_STATUS_NAME (number)" */
export function checkLt(status: LtStatus, what: string): void {
  if (status === LT_SUCCESS) return;
  throw new CrossoverError(`${what}: ${STATUS[status] ?? 'unknown error'} (${status})`);
}

const out = new BigUint64Array(1);

/** Calls with room for a handle, and returns it. */
export function ltHandleFrom<H extends bigint>(call: (out: Pointer) => LtStatus, what: string): H {
  out[0] = 0n;
  checkLt(call(out), what);
  return out[0] as H;
}
