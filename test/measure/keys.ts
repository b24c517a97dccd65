/** @file Keys of everything that can be timed, for properties and programs. */

import fc from 'fast-check';
import { MODES, OPERATIONS, QUANTIZATIONS } from '../../dist/operations.js';
import type { PlanKey } from '../../dist/plan/key.js';
import { REDUCIBLE_DTYPES } from '../../dist/tensor/dtype.js';

export const arbitraryKey: fc.Arbitrary<PlanKey> = fc
  .record({
    operation: fc.constantFrom(...OPERATIONS),
    dtype: fc.constantFrom(...REDUCIBLE_DTYPES),
    worldSize: fc.integer({ min: 1, max: 16 }),
    mode: fc.constantFrom(...MODES),
    hidden: fc.integer({ min: 1, max: 512 }).map((n) => n * 16),
    quantization: fc.constantFrom(...QUANTIZATIONS),
  })
  .map(({ operation, hidden, quantization, ...rest }) => ({
    operation,
    ...rest,
    ...(operation === 'all_reduce_rms_norm' ? { hidden, quantization } : {}),
    registered: true,
  }));
