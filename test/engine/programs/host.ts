/**
 * @file The host side of the CUDA engine on a driver that computes nothing: calls, recordings, own memory, a kernel of models, and that nothing is left in the end.
 */

import { createCommunicator } from '../../../dist/collective/create.js';
import type { Group } from '../../../dist/group/group.js';
import { dependable } from '../../collective/support/cases.ts';
import { FakeDriver } from '../support/fake-driver.ts';

export interface HostReport {
  /** Multiprocessors that this rank's kernels are shaped for. */
  readonly multiprocessors: number;
  readonly device: Readonly<Record<string, string>>;
  /** Launches of all ranks: those that may start while the one before ends, and those of clusters. */
  readonly counts: FakeDriver['counts'];
  /** What was alive at the end, when all ranks had closed. */
  readonly live: FakeDriver['live'];
  readonly problems: readonly string[];
}

const HIDDEN = 256;
/** Four blocks a row. */
const CLUSTERS = { algorithm: 'one_shot_push', tunables: { pack_bytes: 8, blocks: 4 } };

export default function host(group: Group): HostReport {
  const driver = new FakeDriver();
  const before = driver.counts;
  group.barrier();
  const problems: string[] = [];
  const comm = createCommunicator(group, { engine: 'cuda', plan: null, warn: () => {}, arenaBytes: 1 << 20 });
  const { engine } = comm;
  const x = comm.tensor('bf16', [4, HIDDEN], new Float64Array(4 * HIDDEN).fill(group.rank + 1));
  if (x.read()[5] !== group.rank + 1) problems.push('memory does not keep what is written');
  const weight = comm.tensor('bf16', [HIDDEN], new Float64Array(HIDDEN).fill(1));
  const out = comm.empty('bf16', [4, HIDDEN]);
  const gathered = comm.empty('bf16', [4 * group.size, HIDDEN]);
  const request = { operation: 'all_reduce', dtype: 'bf16', worldSize: group.size, bytes: x.bytes } as const;
  for (const { name } of dependable(comm, request)) comm.allReduce(x, { algorithm: name });
  const all = (): void => {
    comm.allReduce(x);
    comm.allReduceRmsNorm({ input: x, weight, epsilon: 1e-6, out });
    comm.allReduceRmsNorm({ input: x, weight, epsilon: 1e-6, out }, CLUSTERS);
    comm.allGather(x, gathered);
    engine.compute('silu_gate', { out: out.address, x: x.address, tokens: 4, inner: HIDDEN / 2 });
  };
  all();
  comm.synchronize();
  const recordings = [comm.capture(all), comm.capture(all)];
  for (const recording of recordings) recording.replay(3);
  recordings[0]!.close();
  engine.allocate!(4096);
  all();
  const { timer } = engine;
  timer!.start();
  timer!.stop();
  if (timer!.microseconds() !== 1000) problems.push('the clock is wrong');
  comm.close();
  group.barrier();
  return {
    multiprocessors: engine.traits.multiprocessors,
    device: engine.fingerprint().device,
    counts: since(before, driver.counts),
    live: driver.live,
    problems,
  };
}

function since(before: HostReport['counts'], after: HostReport['counts']): HostReport['counts'] {
  return {
    launches: after.launches - before.launches,
    programmatic: after.programmatic - before.programmatic,
    clusters: after.clusters - before.clusters,
  };
}
