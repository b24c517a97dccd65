/**
 * @file From measurements and plans to the page's model. Nothing here knows of HTML or of charts.
 */
import { busFactor, type MeasuredOperation, type PeerMatrix } from '../../interop/measurement.ts';
import type { Plan } from '../../plan/plan.ts';
import { VERSION } from '../../version.ts';
import { differencesOf, fusionOf } from './comparisons.ts';
import { curveName, type Group, groupSources, plain, rowBytesOf, sectionTitle } from './curves.ts';
import type {
  LosingBand,
  MatrixModel,
  PageModel,
  RegretModel,
  ReportInput,
  ReportSource,
  Ribbon,
  Section,
  Series,
  SetModel,
} from './model.ts';
import { crossoversOf, measuredRibbon, planRibbon, sweepLoss } from './ribbons.ts';
import { servingModels } from './serving.ts';
import {
  crossoversInWords,
  differencesInWords,
  fusionInWords,
  matrixInWords,
  ribbonInWords,
  seriesInWords,
} from './words.ts';

/** Complaints a set that the page repeats; the others are counted. */
const SHOWN_COMPLAINTS = 20;

export function assemblePage({ title, sources, losses = [] }: ReportInput): PageModel {
  const styles = new StyleBook();
  const groups = groupSources(sources);
  const sections = groups.map((group, i) => sectionOf(group, i, sources, styles, losses));
  const named = new Set(sections.map(({ name }) => name));
  return {
    schema: 1,
    title,
    crossover: VERSION,
    sets: sources.map(setOf),
    sections,
    serving: servingModels(sources),
    matrices: sources.flatMap(({ measurements, name }, set) =>
      (measurements?.matrices ?? []).map((matrix, i) =>
        matrixOf(matrix, `matrix-${set}-${i}`, sources.length > 1 ? `, ${name}` : ''),
      ),
    ),
    regret: sources.flatMap(({ plan }, set): RegretModel[] =>
      plan?.regret ? [{ set, ...plan.regret }] : [],
    ),
    losses: losses.filter(({ section }) => section === undefined || !named.has(section)),
  };
}

/** Colours by operation and algorithm, in the order in which they are first seen. */
class StyleBook {
  readonly #byOperation = new Map<string, Map<string, number>>();

  of(operation: string, algorithm: string): number {
    const known = this.#byOperation.get(operation) ?? new Map<string, number>();
    this.#byOperation.set(operation, known);
    const style = known.get(algorithm) ?? known.size;
    known.set(algorithm, style);
    return style;
  }
}

function sectionOf(
  group: Group,
  index: number,
  sources: readonly ReportSource[],
  styles: StyleBook,
  losses: readonly LosingBand[],
): Section {
  const { key, name } = group;
  const series = seriesOf(group, index, sources, styles);
  const ribbons = ribbonsOf(group, series, sources, styles);
  const crossovers = crossoversOf(ribbons, series);
  const differences = differencesOf(series);
  const fusion =
    key.operation === 'all_reduce_rms_norm'
      ? sources.flatMap((_, set) => {
          const points = fusionOf(series, set);
          return points.length === 0 ? [] : [{ set, points }];
        })
      : [];
  return {
    id: `section-${index + 1}`,
    name,
    title: sectionTitle(key),
    operation: key.operation,
    rowBytes: rowBytesOf(key),
    busFactor: busFactor(key.operation as MeasuredOperation, key.worldSize),
    series,
    ribbons,
    crossovers,
    fusion,
    differences,
    sweepLosses: group.entries.flatMap(({ entry, set }) => sweepLoss(entry, sources[set]!.name) ?? []),
    losses: losses.filter(({ section }) => section === name),
    summary: [
      ...ribbons.map(ribbonInWords),
      ...seriesInWords(series),
      ...crossoversInWords(crossovers, ribbons),
      ...fusion.map(
        ({ set, points }) => `${sources.length > 1 ? `${sources[set]!.name}: ` : ''}${fusionInWords(points)}`,
      ),
      ...differencesInWords(
        differences,
        sources.map((source) => source.name),
      ),
    ],
  };
}

function seriesOf(
  group: Group,
  index: number,
  sources: readonly ReportSource[],
  styles: StyleBook,
): Series[] {
  const series = group.curves.map((curve, i): Series => {
    const algorithm = curveName(curve, group);
    return {
      id: `${index + 1}-${i + 1}`,
      algorithm,
      label: sources.length > 1 ? `${algorithm} · ${sources[curve.set]!.name}` : algorithm,
      set: curve.set,
      style: styles.of(group.key.operation, algorithm),
      lossy: curve.lossy,
      points: [...curve.points.values()].sort((a, b) => a.bytes - b.bytes),
    };
  });
  return series.filter(({ points }) => points.length > 0);
}

/** The plan's, and what the measurements say, where they are not the plan's own. */
function ribbonsOf(
  group: Group,
  series: readonly Series[],
  sources: readonly ReportSource[],
  styles: StyleBook,
): Ribbon[] {
  return sources.flatMap(({ name, measurements }, set): Ribbon[] => {
    const several = sources.length > 1;
    const look = (algorithm: string): { label: string; style: number } => {
      const curve = group.curves.find((one) => one.set === set && plain(one.algorithm) === algorithm);
      const label = curve ? curveName(curve, group) : algorithm;
      return { label, style: styles.of(group.key.operation, label) };
    };
    const plans = group.entries
      .filter((one) => one.set === set)
      .map(({ entry }) => planRibbon(entry, set, several ? `plan of ${name}` : 'the plan', look));
    const own = measurements?.measurements.length ?? 0;
    const fastest =
      plans.length > 0 && own === 0
        ? undefined
        : measuredRibbon(series, set, several ? `fastest in ${name}` : 'fastest');
    return fastest === undefined ? plans : [...plans, fastest];
  });
}

function setOf({ name, measurements, plan, serving = [] }: ReportSource): SetModel {
  const complaints = measurements?.complaints ?? [];
  const notes = complaints
    .slice(0, SHOWN_COMPLAINTS)
    .map(({ source, message }) => `${source.file}:${source.line}: ${message}`);
  const more = complaints.length - notes.length;
  return {
    name,
    facts: [
      ...(measurements?.files ?? []).map(({ file, formats }): [string, string] => [
        'file',
        `${file} (${formats.join(', ')})`,
      ]),
      ...Object.entries(measurements?.host ?? {}),
      ...(plan ? planFacts(plan) : []),
      ...serving.map(({ command, date }): [string, string] => ['served', `${command} (${date})`]),
    ],
    notes: more > 0 ? [...notes, `and ${more} more`] : notes,
  };
}

function planFacts({ fingerprint, createdAt, crossover, command, deterministic }: Plan): [string, string][] {
  const { engine, host, device, kernels } = fingerprint;
  return [
    ['plan made', createdAt],
    ['by', `crossover ${crossover}`],
    ['command', command],
    ['engine', engine],
    ...Object.entries(device).map(([name, value]): [string, string] => [
      name === 'name' ? 'device' : name,
      value,
    ]),
    ['CPU', `${host.cpu}, ${host.cores} cores`],
    ['platform', `${host.platform} ${host.arch}`],
    ...(host.node === undefined ? [] : [['node', host.node] as [string, string]]),
    ['kernels', kernels],
    ...(deterministic ? [['candidates', 'deterministic only'] as [string, string]] : []),
  ];
}

function matrixOf({ name, p2p, rows }: PeerMatrix, id: string, suffix: string): MatrixModel {
  const unit = /GB\/s/i.test(name) ? 'GB/s' : /latency|\bus\b/i.test(name) ? 'us' : '';
  const known = rows.map((row) => row.map((value) => (Number.isFinite(value) ? value : null)));
  return {
    id,
    title: `${name}, P2P ${p2p ? 'enabled' : 'disabled'}${suffix}`,
    unit,
    rows: known,
    summary: matrixInWords(known, unit),
  };
}
