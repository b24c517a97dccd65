import { describe, expect, it } from 'vitest';
import { StepState } from '../../../dist/workload/session/state.js';

const CAPACITY = { sequences: 2, places: 5, pageSize: 4, tokens: 3, samples: 2 };

describe('what a step is given', () => {
  it('is written to its places, and the range that was changed is told', () => {
    const state = new StepState(CAPACITY);
    const at = (name: string): number => state.offsets.get(name)!;
    expect(state.set({ positions: Int32Array.of(7, 8), last: Int32Array.of(9) })).toEqual([
      at('positions'),
      at('last') + 4,
    ]);
    expect([...new Int32Array(state.bytes.slice(at('positions')).buffer).subarray(0, 3)]).toEqual([7, 8, 0]);
    expect(state.set({})[1]).toBe(0);
  });

  it.each([
    ['ids', { ids: new Int32Array(4) }, 'ids has 4 elements; there is room for 3'],
    ['samples', { uniforms: new Float32Array(3) }, 'uniforms has 3 elements; there is room for 2'],
    ['tables', { tables: new Int32Array(5) }, 'tables has 5 elements; there is room for 4'],
  ])('is refused as a whole where there are more %s than there is room for', (_, values, message) => {
    const state = new StepState(CAPACITY);
    expect(() => state.set({ last: Int32Array.of(1), ...values })).toThrow(message);
    expect(state.bytes.every((byte) => byte === 0)).toBe(true);
  });
});
