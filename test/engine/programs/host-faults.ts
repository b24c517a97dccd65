/**
 * @file Every call of a rank alone to a driver that computes nothing fails once: what is said, and what is left.
 */
import { createCommunicator } from '../../../dist/collective/create.js';
import { CrossoverError } from '../../../dist/errors.js';
import type { Group } from '../../../dist/group/group.js';
import { FakeDriver } from '../support/fake-driver.ts';

export interface HostFault {
  /** The driver's function. */
  readonly name: string;
  /** What was thrown; "nothing" when nothing was, "not called" when nobody came across it. */
  readonly error: string;
  /** Objects that nobody destroyed. */
  readonly left: readonly string[];
}

const HIDDEN = 256;

export default function hostFaults(group: Group): HostFault[] {
  const driver = new FakeDriver();
  scenario(group);
  return driver.called.map((name): HostFault => {
    const before = driver.live;
    driver.fail(name);
    const error = thrownBy(() => scenario(group));
    const after = driver.live;
    const left = Object.keys(after).flatMap((kind) =>
      Array.from({ length: after[kind]! - (before[kind] ?? 0) }, () => kind),
    );
    const { hasFailed } = driver;
    driver.fail('', 0);
    return { name, error: hasFailed ? error : 'not called', left };
  });
}

function thrownBy(run: () => void): string {
  try {
    run();
    return 'nothing';
  } catch (error) {
    return error instanceof CrossoverError ? error.message : `not an error of ours: ${error}`;
  }
}

function scenario(group: Group): void {
  const comm = createCommunicator(group, { engine: 'cuda', plan: null, warn: () => {}, arenaBytes: 1 << 20 });
  try {
    const { engine } = comm;
    const x = comm.tensor('bf16', [4, HIDDEN], new Float64Array(4 * HIDDEN));
    const weight = comm.empty('bf16', [HIDDEN]);
    const out = comm.empty('bf16', [4, HIDDEN]);
    const step = (): void => {
      comm.allReduceRmsNorm({ input: x, weight, epsilon: 1e-6, out });
      comm.allGather(x, out);
      engine.compute('silu_gate', { out: out.address, x: x.address, tokens: 4, inner: HIDDEN / 2 });
    };
    step();
    const recording = comm.capture(step);
    recording.replay(3);
    engine.allocate!(4096);
    engine.timer!.start();
    engine.timer!.stop();
    engine.timer!.microseconds();
    x.read();
    recording.close();
  } finally {
    comm.close();
  }
}
