/**
 * @file Measurements and plans sorted into sections (an operation with all that changes its times) and curves (an algorithm of a set).
 */
import type { Measurement } from '../../interop/measurement.ts';
import type { PlanEntry } from '../../plan/plan.ts';
import { DTYPES, type DType, dtypeBytes } from '../../tensor/dtype.ts';
import type { Point, ReportSource } from './model.ts';

/** What a section is of. Fields that a source does not say are absent. */
export interface SectionKey {
  readonly operation: string;
  readonly dtype?: string | undefined;
  readonly worldSize: number;
  readonly mode?: string | undefined;
  readonly hidden?: number | undefined;
  readonly quantization?: string | undefined;
  readonly residual?: boolean | undefined;
  readonly registered?: boolean | undefined;
}

/** A curve before it has colours. */
export interface Curve {
  readonly set: number;
  /** As measurements name it: `crossover:two_shot`, `nccl`. */
  readonly algorithm: string;
  readonly inPlace: boolean | undefined;
  /** Whether values are rounded on the way. */
  readonly lossy: boolean;
  readonly points: Map<number, Point>;
}

export interface Group {
  readonly key: SectionKey;
  readonly name: string;
  readonly curves: Curve[];
  /** Of the plans that have this key, with the set they belong to. */
  readonly entries: { set: number; entry: PlanEntry }[];
}

/** Prefix of crossover's own algorithms in measurements. */
const OWN = 'crossover:';

/** Groups in the order in which they are first seen. */
export function groupSources(sources: readonly ReportSource[]): Group[] {
  const groups = new Map<string, Group>();
  const groupOf = (key: SectionKey): Group => {
    const name = sectionName(key);
    const known = groups.get(name);
    if (known !== undefined) return known;
    const group: Group = { key, name, curves: [], entries: [] };
    groups.set(name, group);
    return group;
  };
  for (const [set, { measurements, plan }] of sources.entries()) {
    for (const one of measurements?.measurements ?? []) {
      if (!usable(one)) continue;
      const curve = curveOf(groupOf(one), set, withoutTunables(one.algorithm), one.inPlace, one.lossy);
      keepFastest(curve, { bytes: one.bytes, us: one.us, spread: one.spread });
    }
    for (const entry of plan?.entries ?? []) addEntry(groupOf(entry.key), set, entry);
  }
  return [...groups.values()].filter(({ curves, entries }) => curves.length > 0 || entries.length > 0);
}

/** A size of 0 has no place on a log axis. */
function usable({ bytes, us }: Measurement): boolean {
  return Number.isSafeInteger(bytes) && bytes > 0 && us > 0 && Number.isFinite(us);
}

/** The curves of a plan's sweep, where the set has not measured the same algorithm by itself. */
function addEntry(group: Group, set: number, entry: PlanEntry): void {
  group.entries.push({ set, entry });
  const measured = new Set(
    group.curves.filter((curve) => curve.set === set).map(({ algorithm }) => plain(algorithm)),
  );
  for (const { algorithm, points, relativeError } of entry.candidates) {
    if (measured.has(algorithm)) continue;
    const curve = curveOf(group, set, OWN + algorithm, undefined, relativeError !== undefined);
    for (const point of points) keepFastest(curve, point);
  }
}

function curveOf(
  { curves }: Group,
  set: number,
  algorithm: string,
  inPlace: boolean | undefined,
  lossy = false,
): Curve {
  const known = curves.find((c) => c.set === set && c.algorithm === algorithm && c.inPlace === inPlace);
  if (known !== undefined) return known;
  const curve: Curve = { set, algorithm, inPlace, lossy, points: new Map() };
  curves.push(curve);
  return curve;
}

function keepFastest({ points }: Curve, point: Point): void {
  const before = points.get(point.bytes);
  if (before === undefined || point.us < before.us) points.set(point.bytes, point);
}

/** How a curve is called in its section: without the prefix, unless that would give two algorithms one name. */
export function curveName(curve: Curve, { curves }: Group): string {
  const { algorithm, inPlace, set } = curve;
  const short = plain(algorithm);
  const taken = algorithm !== short && curves.some((other) => other.algorithm === short);
  const both = curves.some(
    (o) =>
      o.set === set && o.algorithm === algorithm && o.inPlace !== undefined && o.inPlace !== curve.inPlace,
  );
  return `${taken ? algorithm : short}${both && inPlace ? ' (in place)' : ''}${curve.lossy ? ' (rounds)' : ''}`;
}

/** `crossover:two_shot` of `crossover:two_shot blocks=24`: its fastest tunables at each size are the curve, as with plans. */
function withoutTunables(algorithm: string): string {
  return algorithm.startsWith(OWN) ? algorithm.replace(/(?: \w+=\d+)+$/, '') : algorithm;
}

/** `two_shot` of `crossover:two_shot`. */
export function plain(algorithm: string): string {
  return algorithm.startsWith(OWN) ? algorithm.slice(OWN.length) : algorithm;
}

/** One line, the same for equal keys; for keys of plans as `keyName` gives it. */
export function sectionName(key: SectionKey): string {
  const { operation, dtype, worldSize, mode, hidden, quantization, residual, registered } = key;
  return [
    operation,
    ...(dtype === undefined ? [] : [dtype]),
    `x${worldSize}`,
    ...(mode === undefined ? [] : [mode]),
    ...(hidden === undefined ? [] : [`h${hidden}`]),
    ...(quantization === undefined || quantization === 'none' ? [] : [quantization]),
    ...(residual === false ? ['no_residual'] : []),
    ...(registered === false ? ['unregistered'] : []),
  ].join(' ');
}

const TITLES: Readonly<Record<string, string>> = {
  all_reduce: 'All-reduce',
  all_gather: 'All-gather',
  reduce_scatter: 'Reduce-scatter',
  broadcast: 'Broadcast',
  all_reduce_rms_norm: 'All-reduce + RMSNorm',
  reduce: 'Reduce',
  all_to_all: 'All-to-all',
  send_recv: 'Send and receive',
  gather: 'Gather',
  scatter: 'Scatter',
};

/** `All-reduce + RMSNorm, bf16, 4 ranks, replay, hidden 4096, FP8 a token`. */
export function sectionTitle(key: SectionKey): string {
  const { operation, dtype, worldSize, mode, hidden, quantization, residual, registered } = key;
  return [
    TITLES[operation] ?? operation,
    ...(dtype === undefined ? [] : [dtype]),
    `${worldSize} rank${worldSize === 1 ? '' : 's'}`,
    ...(mode === undefined ? [] : [mode]),
    ...(hidden === undefined ? [] : [`hidden ${hidden}`]),
    ...(quantization === undefined || quantization === 'none' ? [] : [`output ${quantization}`]),
    ...(residual === false ? ['no residual'] : []),
    ...(registered === false ? ['buffers outside the heap'] : []),
  ].join(', ');
}

export function rowBytesOf({ dtype, hidden }: SectionKey): number | undefined {
  if (hidden === undefined || !(DTYPES as readonly (string | undefined)[]).includes(dtype)) return undefined;
  return hidden * dtypeBytes(dtype as DType);
}
