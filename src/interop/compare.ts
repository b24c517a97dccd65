/**
 * @file Measurements against what a serving engine would pick: by size, what it takes, what would be faster, and which settings change that.
 *
 * Between measured sizes curves are straight on log-log axes; outside of them nothing is said. A pick that was not measured has no time, and is
 * neither praised nor blamed.
 */
import { type Advice, advise } from './check/advice.ts';
import {
  bandsOutOfReach,
  type LosingBand,
  losingBands,
  type PickBand,
  pickBands,
  rowBytesOf,
} from './check/bands.ts';
import { type Cell, cellsOf, type Problem } from './check/cells.ts';
import { type Group, type GroupKey, groupName, groupsOf } from './check/curves.ts';
import { type DecodeReport, decodeLosses, whyNoLosses } from './check/decode.ts';
import type { Finding } from './check/finding.ts';
import { findings } from './check/findings.ts';
import type { EngineConfig } from './engines/dispatch.ts';
import { elementBytes } from './engines/rules.ts';
import type { MeasurementSet } from './measurement.ts';
import type { Model } from './models.ts';

export interface CompareOptions {
  /** Share by which a choice has to be faster to count. 0.02 (2 percent) by default. */
  readonly tolerance?: number | undefined;
  /** For the cost of a decode step. */
  readonly model?: Model | undefined;
  /** Time of a decode step, ms, in place of an estimate. */
  readonly stepMs?: number | undefined;
}

export const DEFAULT_CHECK_TOLERANCE = 0.02;

/** One operation at one world size. */
export interface Comparison {
  readonly key: GroupKey;
  readonly name: string;
  /** First and last measured size, bytes. */
  readonly measured: { readonly from: number; readonly last: number };
  /** The engine's picks over that range, without gaps. */
  readonly picks: readonly PickBand[];
  /** Where other settings would be faster; no two overlap. */
  readonly bands: readonly LosingBand[];
  /** Where something is faster that no settings lead to; no two overlap. */
  readonly outOfReach: readonly LosingBand[];
  readonly advice?: Advice | undefined;
  readonly findings: readonly Finding[];
  readonly decode?: DecodeReport | undefined;
  /** What was taken for granted. */
  readonly notes: readonly string[];
}

export interface Report {
  readonly comparisons: readonly Comparison[];
  /** What was left out, and why. */
  readonly notes: readonly string[];
}

/** Compares all groups of the deployment's world size with what the engine picks for them. */
export function compare(set: MeasurementSet, config: EngineConfig, options: CompareOptions = {}): Report {
  const notes: string[] = [];
  const comparisons: Comparison[] = [];
  for (const group of groupsOf(set.measurements.filter(({ lossy }) => !lossy))) {
    const refusal = whyNot(group, config);
    if (refusal === undefined) comparisons.push(compareGroup(group, config, options));
    else notes.push(`${groupName(group)} is left out: ${refusal}`);
  }
  return { comparisons, notes };
}

function whyNot({ worldSize, dtype }: Group, { deployment }: EngineConfig): string | undefined {
  if (worldSize !== deployment.worldSize) return `the engine runs on ${deployment.worldSize} GPUs`;
  if (dtype !== undefined && elementBytes(dtype) !== elementBytes(deployment.dtype)) {
    return `the engine reduces ${deployment.dtype}`;
  }
  return undefined;
}

function compareGroup(group: Group, asked: EngineConfig, options: CompareOptions): Comparison {
  const { tolerance = DEFAULT_CHECK_TOLERANCE, model, stepMs } = options;
  const notes: string[] = [];
  if (group.dtype !== undefined && group.dtype !== asked.deployment.dtype) {
    notes.push(`measured with ${group.dtype}, which takes as long as ${asked.deployment.dtype}`);
  }
  const config = settled(group, asked, notes);
  const { engine, deployment, settings } = config;
  const alternatives = engine
    .alternatives(group.operation, settings)
    // It registers windows by NVLink's multicast: not to be recommended where there is none.
    .filter((each) => deployment.multicast || !each.ncclSymm || settings.ncclSymm);
  const problem: Problem = { group, config, alternatives, tolerance };
  const cells = cellsOf(problem);
  const rowBytes = rowBytesOf(deployment.hidden, deployment.dtype);
  const picks = pickBands(group, cells, rowBytes);
  for (const { standIn, label, algorithm } of picks) {
    if (standIn) notes.push(`${label} was not measured; ${algorithm} stands in for it`);
  }
  const bands = losingBands(group, cells, tolerance, rowBytes);
  const outOfReach = bandsOutOfReach(group, cells, tolerance, rowBytes);
  const advice = advise(problem, cells);
  // Rows of another size are another kernel's time.
  const rowsOfModel = group.hidden === undefined || group.hidden === model?.hidden;
  const decode = model && rowsOfModel ? decodeLosses(group, cells, deployment, model, stepMs) : undefined;
  const why = model && whyNoLosses(group, model, decode);
  if (why !== undefined) notes.push(why);
  return {
    key: keyOf(group),
    name: groupName(group),
    measured: rangeOf(cells),
    picks,
    bands,
    outOfReach,
    advice,
    findings: findings({ problem, cells, picks, bands, outOfReach, advice }),
    ...(decode && { decode }),
    notes: [...new Set(notes)],
  };
}

/** The configuration that the measurements are of: a hidden size, and a backend of FlashInfer where only that one was measured. */
function settled(group: Group, config: EngineConfig, notes: string[]): EngineConfig {
  const { settings } = config;
  const hidden = config.deployment.hidden ?? group.hidden;
  const deployment = { ...config.deployment, mode: group.mode ?? config.deployment.mode };
  if (deployment.hidden !== undefined && group.hidden !== undefined && group.hidden !== deployment.hidden) {
    notes.push(`measured with hidden ${group.hidden}; the sizes in bytes are compared as they are`);
  }
  const names = [...group.curves.keys()];
  const trtllmOnly =
    names.some((name) => name.startsWith('flashinfer_trtllm')) &&
    !names.some((name) => name.startsWith('flashinfer_mnnvl'));
  if (!trtllmOnly || settings.flashinferBackend !== 'auto') {
    return { ...config, deployment: { ...deployment, hidden } };
  }
  notes.push('of FlashInfer only trtllm was measured, so that is taken to be its backend');
  return {
    ...config,
    deployment: { ...deployment, hidden },
    settings: { ...settings, flashinferBackend: 'trtllm' },
  };
}

function keyOf({ curves: _curves, ...key }: Group): GroupKey {
  return key;
}

function rangeOf(cells: readonly Cell[]): { from: number; last: number } {
  return { from: cells[0]?.from ?? 0, last: cells.at(-1)?.last ?? 0 };
}

/** Whether nothing that the engine picks was measured, and nothing else is to be said of it. */
export function isUnknown({ picks, findings }: Comparison): boolean {
  return (
    picks.every(({ algorithm }) => algorithm === undefined) &&
    findings.every(({ kind }) => kind === 'not_measured')
  );
}

/** The greatest loss, percent; 0 where there is none. */
export function worstPercent({ comparisons }: Report): number {
  return Math.max(0, ...comparisons.flatMap(({ bands }) => bands.map(({ worst }) => worst.percent)));
}
