/**
 * @file NCCL's numbers and the configuration of a communicator, as bytes. Nothing here needs the library.
 */

export type NcclResult = number;
export const NCCL_SUCCESS = 0;

export const NCCL_UNIQUE_ID_BYTES = 128;

/** ncclDataType_t by the dtype's code: f32, f16, bf16; types that are only moved are bytes (uint8). */
export const NCCL_TYPES: readonly number[] = [7, 6, 9, 1, 1, 1];

/** ncclRedOp_t by the index into REDUCE_OPS: sum, max, min, avg. */
export const NCCL_OPS: readonly number[] = [0, 2, 3, 4];

/** NCCL_WIN_COLL_SYMMETRIC */
export const WINDOW_SYMMETRIC = 1;

/** "2.28.9" */
export function versionText(version: number): string {
  return `${Math.floor(version / 10000)}.${Math.floor(version / 100) % 100}.${version % 100}`;
}

// ---- ncclConfig_t ----

const MAGIC = 0xcafebeef;
/** What leaves a field to NCCL; pointers are left to it by NULL. */
const UNSET = -(2 ** 31);
const POINTERS = [32, 48];
const BLOCKING = 16;
const GRAPH_USAGE_MODE = 80;

/** Bytes of ncclConfig_t from a version on, the newest first. Fields were only ever appended, and NCCL takes the sizes of older versions. */
const SIZES: readonly (readonly [from: number, bytes: number])[] = [
  [23007, 96],
  [22900, 88],
  [22800, 80],
  [22700, 72],
];
/** The newest version whose layout is known. */
const NEWEST = 23007;

/**
 * The configuration of a blocking communicator whose graphs and single calls never overlap, for the library of a version.
 * Undefined for versions older than the layouts known here: NCCL takes NULL for its defaults.
 */
export function communicatorConfig(version: number): Uint8Array | undefined {
  const bytes = SIZES.find(([from]) => version >= from)?.[1];
  if (bytes === undefined) return undefined;
  const view = new DataView(new ArrayBuffer(bytes));
  view.setBigUint64(0, BigInt(bytes), true);
  view.setUint32(8, MAGIC, true);
  view.setUint32(12, Math.min(version, NEWEST), true);
  for (let at = BLOCKING; at < bytes; at += 4) view.setInt32(at, UNSET, true);
  for (const at of POINTERS) view.setBigUint64(at, 0n, true);
  view.setInt32(BLOCKING, 1, true);
  if (bytes > GRAPH_USAGE_MODE) view.setInt32(GRAPH_USAGE_MODE, 1, true);
  return new Uint8Array(view.buffer);
}
