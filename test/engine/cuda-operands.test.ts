/** @file What ranks compare of a call: a row of numbers, and back into words. */
import { expect, test } from 'vitest';
import { NAMES } from '../../dist/engine/cuda/functions.js';
import { describeRow, hashRow, ROW, writeRow } from '../../dist/engine/cuda/operands.js';
import { describeLaunch } from '../../dist/engine/describe.js';
import { emptyLaunch, type Launch } from '../../dist/engine/engine.js';
import { QUANTIZATIONS } from '../../dist/operations.js';

const arena = { base: 0x1000, bytes: 1 << 20 };
const kernel = NAMES.indexOf('rms_norm');

function rowOf(changes: Partial<Launch>): Float64Array {
  const row = new Float64Array(ROW);
  writeRow(row, 0, kernel, { ...emptyLaunch(), tokens: 2, hidden: 16, ...changes }, arena);
  return row;
}

test.each(QUANTIZATIONS.flatMap((_, quantization) => [false, true].map((cast) => ({ quantization, cast }))))(
  'quantization $quantization and castBeforeWeight $cast share a number',
  ({ quantization, cast }) => {
    const operands = { quantization, castBeforeWeight: cast, weightBias: 1, blocks: 3, threads: 512 };
    const row = rowOf(operands);
    const launch = { ...emptyLaunch(), tokens: 2, hidden: 16, ...operands };
    expect(describeRow(row, 0)).toEqual(describeLaunch('rms_norm', launch, arena.base));
    const hash = hashRow(new Int32Array(row.buffer), 0, 1);
    const other = rowOf({ ...operands, castBeforeWeight: !cast });
    expect(hashRow(new Int32Array(other.buffer), 0, 1)).not.toBe(hash);
  },
);
