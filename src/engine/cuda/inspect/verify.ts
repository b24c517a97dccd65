/**
 * @file What the doctor calls: is P2P verified between these GPUs, and how fast are the links. The work is done by a probe.
 */
import type { DevicesReport } from './devices.ts';
import type { PeersReport, PeersRequest } from './peers.ts';
import { type Outcome, probe } from './probe.ts';

const TIMEOUT_MS = 60_000;

/** Runs the probe, in a process of its own. */
export function probePeers(
  report: DevicesReport,
  measure: PeersRequest['measure'],
  onProgress: (at: string) => void = () => {},
): Promise<Outcome<PeersReport>> {
  const gpus = report.devices.map(({ index }) => index);
  return probe<PeersReport>('peers', { gpus, measure } satisfies PeersRequest, {
    timeoutMs: TIMEOUT_MS,
    onProgress,
  });
}
