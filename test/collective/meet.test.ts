/** @file The barrier of benchmarks: ranks compare it, so what each has called before on its own is not part of it. */
import { expect, it } from 'vitest';
import { Communicator } from '../../dist/collective/communicator.js';
import { recorder } from './support/recorder.ts';

it('is the same launch after different calls', () => {
  const engine = recorder({ missing: () => undefined });
  const comm = new Communicator(engine, undefined, () => {});
  const [few, many] = [comm.empty('bf16', [2, 64]), comm.empty('bf16', [3, 64])];
  const barriers = [few, many].map((input) => {
    comm.rmsNorm({ input, out: input, epsilon: 1e-6 });
    comm.meet();
    return { ...engine.launches.at(-1)! };
  });
  expect(barriers[0]!.kernel).toBe('barrier');
  expect(barriers[1]).toEqual(barriers[0]);
});
