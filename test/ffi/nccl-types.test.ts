/** @file NCCL's numbers, and its configuration byte for byte, as nccl.h of each version has them. */
import { expect, test } from 'vitest';
import { communicatorConfig, NCCL_OPS, NCCL_TYPES, versionText } from '../../dist/ffi/nccl-types.js';
import { REDUCE_OPS } from '../../dist/operations.js';
import { DTYPES } from '../../dist/tensor/dtype.js';

const INT_MIN = -(2 ** 31);

/** Offset of each field that is not a header, and what it holds. */
const FIELDS: readonly (readonly [offset: number, value: number])[] = [
  [16, 1], // blocking
  [20, INT_MIN], // cgaClusterSize
  [24, INT_MIN], // minCTAs
  [28, INT_MIN], // maxCTAs
  [32, 0], // netName, both halves
  [36, 0],
  [40, INT_MIN], // splitShare
  [44, INT_MIN], // trafficClass
  [48, 0], // commName, both halves
  [52, 0],
  [56, INT_MIN], // collnetEnable
  [60, INT_MIN], // CTAPolicy
  [64, INT_MIN], // shrinkShare
  [68, INT_MIN], // nvlsCTAs
  [72, INT_MIN], // nChannelsPerNetPeer
  [76, INT_MIN], // nvlinkCentricSched
  [80, 1], // graphUsageMode
  [84, INT_MIN], // numRmaCtx
  [88, INT_MIN], // maxP2pPeers
  [92, INT_MIN], // graphStreamOrdering
];

test.each([
  { library: 22703, bytes: 72, version: 22703 },
  { library: 22809, bytes: 80, version: 22809 },
  { library: 22907, bytes: 88, version: 22907 },
  { library: 23004, bytes: 88, version: 23004 },
  { library: 23007, bytes: 96, version: 23007 },
  // Newer than what is known here: said to be of the newest known version, so that NCCL leaves later fields at their defaults.
  { library: 23206, bytes: 96, version: 23007 },
])('configuration for $library', ({ library, bytes, version }) => {
  const config = communicatorConfig(library)!;
  expect(config.length).toBe(bytes);
  const view = new DataView(config.buffer);
  expect(view.getBigUint64(0, true)).toBe(BigInt(bytes));
  expect(view.getUint32(8, true)).toBe(0xcafebeef);
  expect(view.getUint32(12, true)).toBe(version);
  const fields = FIELDS.filter(([offset]) => offset < bytes);
  expect(fields.map(([offset]) => view.getInt32(offset, true))).toEqual(fields.map(([, value]) => value));
  expect(16 + 4 * fields.length).toBe(bytes);
});

test('versions older than the layouts known get NULL', () => {
  expect(communicatorConfig(22605)).toBeUndefined();
});

test('numbers by dtype and reduction', () => {
  const types = Object.fromEntries(DTYPES.map((dtype, code) => [dtype, NCCL_TYPES[code]]));
  expect(types).toEqual({ f32: 7, f16: 6, bf16: 9, f8e4m3: 1, i8: 1, e2m1x2: 1 });
  const ops = Object.fromEntries(REDUCE_OPS.map((op, index) => [op, NCCL_OPS[index]]));
  expect(ops).toEqual({ sum: 0, max: 2, min: 3, avg: 4 });
});

test('versions in words', () => {
  expect([22809, 23007, 21805].map(versionText)).toEqual(['2.28.9', '2.30.7', '2.18.5']);
});
