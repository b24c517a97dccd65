/**
 * @file Re-measures a plan's probes as an SPMD program: what `crossover check --live` launches on every rank.
 */

import type { Choice } from '../../collective/algorithm.ts';
import type { Communicator } from '../../collective/communicator.ts';
import { createCommunicator } from '../../collective/create.ts';
import { type EngineName, LIMITS } from '../../collective/engines.ts';
import { CrossoverError } from '../../errors.ts';
import type { Group } from '../../group/group.ts';
import { measure } from '../../measure/measure.ts';
import { arenaFor, Workload } from '../../measure/workload.ts';
import { keyName } from '../../plan/key.ts';
import { ProgressLine } from '../../report/progress.ts';
import { formatBytes } from '../../units.ts';
import type { Contender, Probe } from './probes.ts';
import { type Fresh, judgeProbe, type Probed } from './verdict.ts';

export interface LiveRequest {
  readonly probes: readonly Probe[];
  /** Time for all, seconds. */
  readonly seconds: number;
  readonly engine: EngineName;
  /** Loss that is let pass, relative. */
  readonly tolerance: number;
  /** Show a progress line on stderr. */
  readonly progress: boolean;
}

/** A median's confidence interval that is precise enough: half its width, relative. */
const PRECISION = 0.02;

/** Share of the time after which no new probe is begun: the rest is for those that look as if the plan did not hold. */
const FIRST = 0.75;

/**
 * Collective. Probes that time was left for, in order; rank 0's copy. A machine has moments in which one contender is slow, so what does not hold at first
 * sight is timed a second time, and the shorter times count.
 */
export default function main(group: Group, _args: string[], request: LiveRequest): Probed[] | undefined {
  const { probes, engine, seconds } = request;
  const { cacheBytes } = LIMITS[engine];
  const needed = probes.map(({ key, bytes }) => arenaFor(key, bytes, cacheBytes));
  const comm = createCommunicator(group, { engine, arenaBytes: Math.max(...needed) + (4 << 20), plan: null });
  const line = new ProgressLine('check', request.progress && group.rank === 0);
  const start = performance.now();
  // All ranks go by rank 0's clock.
  const left = (share: number): number =>
    group.broadcast(share * seconds - (performance.now() - start) / 1000);
  const probed: Probed[] = [];
  try {
    for (const [i, probe] of probes.entries()) {
      line.show(i / probes.length, `${keyName(probe.key)} ${formatBytes(probe.bytes)}`);
      const seconds = left(FIRST);
      if (seconds <= 0) break;
      probed.push({ probe, fresh: time(comm, probe, seconds / (probes.length - i)) });
    }
    // Times are each rank's own copy of what all of them agreed on.
    const suspects = probed.filter((one) => judgeProbe(one, request.tolerance).finding === 'moved');
    for (const [i, suspect] of suspects.entries()) {
      const { probe } = suspect;
      line.show(1, `${keyName(probe.key)} ${formatBytes(probe.bytes)} again`);
      const seconds = left(1);
      if (seconds <= 0) break;
      const again = time(comm, probe, seconds / (suspects.length - i));
      const fresh = suspect.fresh.map((one, k) =>
        (again[k]?.us ?? Infinity) < (one.us ?? Infinity) ? again[k]! : one,
      );
      probed[probed.indexOf(suspect)] = { probe, fresh };
    }
    return group.rank === 0 ? probed : undefined;
  } finally {
    line.clear();
    comm.close();
  }
}

function time(comm: Communicator, { key, bytes, contenders }: Probe, seconds: number): Fresh[] {
  const workload = new Workload(comm, key, bytes);
  try {
    const choices = contenders.map((contender) => attempt(comm, workload, contender));
    const able = choices.filter((choice): choice is Choice => typeof choice !== 'string');
    const timings = measure(comm, workload, able, { mode: key.mode, seconds, precision: PRECISION });
    return choices.map((choice): Fresh => {
      if (typeof choice === 'string') return { refused: choice };
      const timing = timings.find((one) => one.choice === choice);
      return { us: timing?.us.median, spread: timing?.us.spread };
    });
  } finally {
    workload.free();
  }
}

/** The choice, or why it cannot be had here: the same on every rank. */
function attempt(
  comm: Communicator,
  { request }: Workload,
  { algorithm, tunables }: Contender,
): Choice | string {
  try {
    return comm.choose(request, algorithm, tunables);
  } catch (error) {
    if (error instanceof CrossoverError) return error.message;
    throw error;
  }
}
