/**
 * @file Counters that ranks synchronize by are 32 bits wide. Starts them just before they wrap around, at every distance that puts the wrap
 * into another place of the sequence, and counts.
 */
import { Communicator } from '../../../dist/collective/communicator.js';
import type { EngineName } from '../../../dist/collective/engines.js';
import type { Engine } from '../../../dist/engine/engine.js';
import type { Group } from '../../../dist/group/group.js';
import { dependable } from '../../collective/support/cases.ts';
import type { ProgramData } from '../../collective/support/engines.ts';
import { type Report, Session } from '../../collective/support/session.ts';
import { Counter } from '../support/counter.ts';

export interface EpochWrapOptions {
  readonly distances: number;
}

interface Start {
  readonly firstEpoch: number;
  readonly arenaBytes: number;
}

const STEPS = 4;
const COUNT = 5000;

export default async function epochWrap(
  group: Group,
  _args: string[],
  data: ProgramData<EpochWrapOptions>,
): Promise<Report> {
  const session = Session.open(group, data, 24);
  const create = await engineOf(data.engine);
  for (let before = 1; before <= data.options.distances; before++) {
    const engine = create(group, { firstEpoch: 2 ** 32 - before, arenaBytes: 1 << 20 });
    const comm = new Communicator(engine, undefined, () => {});
    const request = {
      operation: 'all_reduce',
      dtype: 'f32',
      worldSize: comm.worldSize,
      bytes: 4 * COUNT,
    } as const;
    for (const { name } of dependable(comm, request)) {
      const counter = new Counter(comm, name, COUNT);
      for (; counter.steps < STEPS; counter.steps++) {
        session.skew();
        counter.step();
      }
      session.check(`${before} before`, counter.problem());
      counter.free();
    }
    comm.close();
  }
  return session.report();
}

/** Only engines themselves can be told where counters start. */
async function engineOf(name: EngineName): Promise<(group: Group, options: Start) => Engine> {
  if (name === 'cpu') return (await import('../../../dist/engine/cpu/engine.js')).createCpuEngine;
  return (await import('../../../dist/engine/cuda/create.js')).createCudaEngine;
}
