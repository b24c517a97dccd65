/**
 * @file The probe that uses GPUs: checks P2P, and measures links when asked to. One process for both, since a context takes a device a
 * good part of a second.
 */
import { type AllToAll, measureAllToAll } from './all-to-all.ts';
import { Gpu } from './gpu.ts';
import { type Matrices, measureMatrices } from './matrix.ts';
import { checkPeers, type PeerVerdicts } from './peer-check.ts';
import type { Progress } from './progress.ts';
import { stations } from './traffic.ts';

export interface PeersRequest {
  /** Ordinals of the GPUs, as the driver numbers them for this process. */
  readonly gpus: readonly number[];
  /** `none`: only the check. `all`: every pair, and all GPUs at once. */
  readonly measure: 'none' | 'all';
}

/** A member is absent when it was not asked for, or P2P between some GPUs is missing that it needs. */
export interface PeersReport {
  readonly verdicts: PeerVerdicts;
  readonly matrices?: Matrices;
  readonly allToAll?: AllToAll;
}

export function probePeers({ gpus: ordinals, measure }: PeersRequest, progress: Progress): PeersReport {
  const gpus = ordinals.map((ordinal) => {
    progress.at(`opening GPU ${ordinal}`);
    return new Gpu(ordinal);
  });
  progress.at('compiling the kernels of the checks');
  let report: PeersReport = { verdicts: checkPeers(gpus, progress) };
  progress.partial(report);
  if (measure === 'none' || !usable(report.verdicts)) return report;
  progress.at('making room for measurements');
  const places = stations(gpus);
  report = { ...report, matrices: measureMatrices(places, report.verdicts, progress) };
  progress.partial(report);
  return allReach(report.verdicts) ? { ...report, allToAll: measureAllToAll(places, progress) } : report;
}

/** No pair was left out because a GPU failed. */
function usable(verdicts: PeerVerdicts): boolean {
  return verdicts.every((row, i) => row.every((verdict, j) => i === j || verdict !== null));
}

/** Whether every GPU reaches every other. */
function allReach(verdicts: PeerVerdicts): boolean {
  return verdicts.every((row, i) => row.every((verdict, j) => i === j || verdict?.ok === true));
}
