/**
 * @file What engine, doctor and bench call: is P2P verified between these GPUs, and how fast are the links. The work is done by a probe.
 */
import { CrossoverError } from '../../../errors.ts';
import type { AllToAll } from './all-to-all.ts';
import type { DevicesReport } from './devices.ts';
import type { PeerVerdicts } from './peer-check.ts';
import type { PeersReport, PeersRequest } from './peers.ts';
import { type Outcome, probe } from './probe.ts';
import { VerdictCache, verdictKey } from './verdict-cache.ts';

const TIMEOUT_MS = 60_000;

/** Runs the probe; verdicts about all of a report's devices are kept for the next time. */
export async function probePeers(
  report: DevicesReport,
  measure: PeersRequest['measure'],
  onProgress: (at: string) => void = () => {},
): Promise<Outcome<PeersReport>> {
  const gpus = report.devices.map(({ index }) => index);
  const outcome = await probe<PeersReport>('peers', { gpus, measure } satisfies PeersRequest, {
    timeoutMs: TIMEOUT_MS,
    onProgress,
  });
  const key = verdictKey(report);
  // What a probe that failed had found by then may hold for the pairs, and not for all of them.
  if (outcome.ok && key !== undefined) new VerdictCache().write(key, outcome.value.verdicts);
  return outcome;
}

/**
 * Verdicts for all of a report's devices: the kept ones, or those of a check made now.
 * @throws CrossoverError when the check itself crashed, hung or was refused
 */
export async function verifiedPeers(report: DevicesReport): Promise<PeerVerdicts> {
  const key = verdictKey(report);
  const kept = key === undefined ? undefined : new VerdictCache().read(key);
  if (kept !== undefined) return kept;
  const outcome = await probePeers(report, 'none');
  if (outcome.ok) return outcome.value.verdicts;
  throw new CrossoverError(`P2P between the GPUs could not be checked: ${outcome.reason}`);
}

/**
 * The most that leaves each of these GPUs when all send to all: the bound of the links, to be measured while nothing else runs on them.
 * @throws CrossoverError when it cannot be measured, or some GPU does not reach another
 */
export async function linkBound(gpus: readonly number[]): Promise<AllToAll> {
  if (gpus.length < 2) throw new CrossoverError(`a link bound needs 2 GPUs or more, not ${gpus.length}`);
  const request: PeersRequest = { gpus, measure: 'bound' };
  const outcome = await probe<PeersReport>('peers', request, { timeoutMs: TIMEOUT_MS });
  if (!outcome.ok) throw new CrossoverError(`the links could not be measured: ${outcome.reason}`);
  const { allToAll, verdicts } = outcome.value;
  if (allToAll !== undefined) return allToAll;
  for (const [i, row] of verdicts.entries())
    for (const [j, verdict] of row.entries())
      if (i !== j && verdict?.ok !== true)
        throw new CrossoverError(
          `GPU ${gpus[i]} does not reach the memory of GPU ${gpus[j]}: ${verdict?.reason ?? 'not tried'}`,
        );
  throw new CrossoverError('the links could not be measured');
}
