/**
 * @file `crossover check --live`: whether a plan still holds on this host, from the few measurements that its decisions hang on.
 */
import { fingerprintLike } from '../collective/engines.ts';
import { CrossoverError } from '../errors.ts';
import { launch } from '../group/launch.ts';
import { defaultPlanPath, loadPlan } from '../plan/file.ts';
import { fingerprintDifferences } from '../plan/fingerprint.ts';
import type { Plan } from '../plan/plan.ts';
import { formatLive } from '../report/live-tables.ts';
import { type Probe, probesOf } from '../tune/live/probes.ts';
import type { LiveRequest } from '../tune/live/program.ts';
import { hasMoved, judgeProbe, type Probed, type Verdict } from '../tune/live/verdict.ts';

export interface LiveOptions {
  readonly plan?: string | undefined;
  /** Time for measuring, seconds. */
  readonly seconds: number;
  /** Loss that is let pass, relative. */
  readonly tolerance: number;
  readonly json: boolean;
}

/** Prints the verdict. Returns whether the plan holds. */
export async function checkLive({ plan: path, seconds, tolerance, json }: LiveOptions): Promise<boolean> {
  const plan = loadPlan(path ?? defaultPlanPath(), { force: true });
  const differences = fingerprintDifferences(plan.fingerprint, fingerprintLike(plan.fingerprint));
  const probes = interleaved(plan.entries.map(probesOf));
  if (probes.length === 0)
    throw new CrossoverError('the plan has nothing that was measured; run "crossover tune"');
  const probed = await probe(plan, probes, seconds, tolerance);
  const verdicts = probed.map((one) => judgeProbe(one, tolerance));
  const holds = !hasMoved(verdicts);
  const skipped = probes.length - probed.length;
  process.stdout.write(
    json
      ? `${JSON.stringify({ holds, differences, skipped, verdicts: verdicts.map(asData) }, null, 2)}\n`
      : formatLive(verdicts, differences, skipped),
  );
  return holds;
}

/** One launch a world size; the time is shared by their numbers of probes. */
async function probe(
  plan: Plan,
  probes: readonly Probe[],
  seconds: number,
  tolerance: number,
): Promise<Probed[]> {
  const { engine } = plan.fingerprint;
  const worlds = [...new Set(probes.map(({ key }) => key.worldSize))];
  const all: Probed[] = [];
  for (const ranks of worlds) {
    const own = probes.filter(({ key }) => key.worldSize === ranks);
    const data: LiveRequest = {
      probes: own,
      seconds: (seconds * own.length) / probes.length,
      engine,
      tolerance,
      progress: process.stderr.isTTY === true,
    };
    const program = new URL('../tune/live/program.js', import.meta.url);
    const [probed] = await launch<Probed[] | undefined>(program, { ranks, data });
    all.push(...probed!);
  }
  return all;
}

/** The first of each, then the second of each: when time is up, every key has had its turn. */
function interleaved(lists: readonly (readonly Probe[])[]): Probe[] {
  const longest = Math.max(0, ...lists.map(({ length }) => length));
  return Array.from({ length: longest }, (_, i) => lists.flatMap((list) => list[i] ?? [])).flat();
}

function asData({ probed: { probe, fresh }, finding, loss, drift, text }: Verdict): object {
  const contenders = probe.contenders.map((contender, i) => ({ ...contender, ...fresh[i] }));
  return { key: probe.key, bytes: probe.bytes, finding, lossPercent: 100 * loss, drift, text, contenders };
}
