/**
 * @file What the report's page shows, as plain data: made once from measurements and plans, drawn by the browser and into SVG files alike.
 * Sizes are bytes, times are microseconds.
 */
import type { MeasurementSet } from '../../interop/measurement.ts';
import type { Plan } from '../../plan/plan.ts';
import type { ServeSummary, ServeSummaryRow } from '../../workload/serve/summary.ts';

/** One set of curves: a host, or a state of it. Measurements, a plan, or both. */
export interface ReportSource {
  readonly name: string;
  readonly measurements?: MeasurementSet | undefined;
  readonly plan?: Plan | undefined;
  /** Results of `crossover serve-bench`. */
  readonly serving?: readonly ServeSummary[] | undefined;
}

/** Sizes at which a choice costs time, as found elsewhere: `from` up to but not including `to`. */
export interface LosingBand {
  readonly from: number;
  /** Null: no end. */
  readonly to: number | null;
  readonly picks: string;
  readonly better: string;
  /** What is lost an operation at worst, us. */
  readonly us: number;
  /** The same as percent of the time of `better`. */
  readonly percent: number;
  /** The section it belongs to, by its name; absent: of the whole report. */
  readonly section?: string | undefined;
}

export interface ReportInput {
  readonly title: string;
  /** The first is what the others are compared with. */
  readonly sources: readonly ReportSource[];
  readonly losses?: readonly LosingBand[] | undefined;
}

export interface Point {
  readonly bytes: number;
  readonly us: number;
  /** Absent where the source has none. */
  readonly spread?: number | undefined;
}

/** One algorithm's curve in one set: of an algorithm with tunables, the fastest at each size. */
export interface Series {
  /** Unique on the page. */
  readonly id: string;
  /** The algorithm as it is shown, without the set. */
  readonly algorithm: string;
  /** The algorithm, and the set where there are several. */
  readonly label: string;
  /** Index into the page's sets. */
  readonly set: number;
  /** Which colour and symbol: the same for an algorithm in all sections of an operation. */
  readonly style: number;
  /** Whether values are rounded on the way: shown, and never the fastest. */
  readonly lossy: boolean;
  readonly points: readonly Point[];
}

export interface RibbonRange {
  readonly from: number;
  readonly to: number | null;
  readonly algorithm: string;
  /** Tunables in words; empty without any. */
  readonly detail: string;
  readonly style: number;
}

/** Who serves which sizes: by a plan, or as measured. */
export interface Ribbon {
  readonly name: string;
  readonly kind: 'plan' | 'measured';
  readonly set: number;
  readonly ranges: readonly RibbonRange[];
}

/** Where one algorithm takes over from another. */
export interface Crossover {
  readonly bytes: number;
  readonly before: string;
  readonly after: string;
  readonly ribbon: number;
  /** Time at that size by the curve of `after`, where it reaches so far. */
  readonly us?: number | undefined;
}

/** The best fused against the best unfused algorithm at one size. */
export interface FusionPoint {
  readonly bytes: number;
  readonly fused: string;
  readonly fusedUs: number;
  readonly unfused: string;
  readonly unfusedUs: number;
  /** Percent of the unfused time that fusing saves; below 0 it costs. */
  readonly percent: number;
  /** Half of the width of the band around `percent`, from both spreads; absent without spreads. */
  readonly margin?: number | undefined;
}

export type Verdict = 'faster' | 'slower' | 'same' | 'unknown';

/** One size of one algorithm in a set, against the first set. */
export interface Difference {
  readonly set: number;
  readonly algorithm: string;
  readonly bytes: number;
  /** Of the first set's time; below 0 is faster. */
  readonly percent: number;
  /** `same` within the sum of the spreads, `unknown` where a spread is missing. */
  readonly verdict: Verdict;
}

/** How far the plan's choice is behind the fastest candidate at the sizes of its own sweep; shares, 0.05 is 5 percent. */
export interface SweepLoss {
  readonly plan: string;
  readonly mean: number;
  readonly worst: number;
  readonly count: number;
  readonly bytes: number;
  readonly chosen: string;
  readonly best: string;
  /** Whether the worst is within the sum of the spreads. */
  readonly within: boolean;
}

/** Everything about one operation with one dtype, world size, mode and so on. */
export interface Section {
  readonly id: string;
  /** One line, as `keyName` of plans. */
  readonly name: string;
  /** In words. */
  readonly title: string;
  readonly operation: string;
  /** Bytes of a row, for operations on rows of a known type. */
  readonly rowBytes?: number | undefined;
  /** Bus bandwidth over algorithm bandwidth; absent where nccl-tests defines none. */
  readonly busFactor?: number | undefined;
  readonly series: readonly Series[];
  readonly ribbons: readonly Ribbon[];
  readonly crossovers: readonly Crossover[];
  readonly fusion: readonly { readonly set: number; readonly points: readonly FusionPoint[] }[];
  readonly differences: readonly Difference[];
  readonly sweepLosses: readonly SweepLoss[];
  readonly losses: readonly LosingBand[];
  /** Sentences: who is fastest where, crossovers, differences. */
  readonly summary: readonly string[];
}

export interface MatrixModel {
  readonly id: string;
  readonly title: string;
  /** `GB/s`, `us`, or nothing where values are no quantity. */
  readonly unit: string;
  /** null where a value was not measured. */
  readonly rows: readonly (readonly (number | null)[])[];
  readonly summary: string;
}

export type ServingQuantity = 'ttft' | 'tpot';

/** One way to dispatch, at all rates in order. */
export interface ServingVariant {
  readonly name: string;
  /** Which colour and symbol: the same for a variant in all sections. */
  readonly style: number;
  readonly points: readonly ServeSummaryRow[];
}

/** One run of `crossover serve-bench`. */
export interface ServingModel {
  readonly id: string;
  readonly title: string;
  /** The load, in words. */
  readonly about: string;
  readonly variants: readonly ServingVariant[];
  readonly summary: readonly string[];
}

export interface RegretModel {
  readonly set: number;
  readonly mean: number;
  readonly worst: number;
  readonly count: number;
  readonly worstAt: {
    readonly key: string;
    readonly bytes: number;
    readonly chosen: string;
    readonly best: string;
  };
}

export interface SetModel {
  readonly name: string;
  /** Fingerprint, or what is known of the host. */
  readonly facts: readonly (readonly [string, string])[];
  readonly notes: readonly string[];
}

export interface PageModel {
  readonly schema: 1;
  readonly title: string;
  /** Version of crossover that made the page. */
  readonly crossover: string;
  readonly sets: readonly SetModel[];
  readonly sections: readonly Section[];
  readonly serving: readonly ServingModel[];
  readonly matrices: readonly MatrixModel[];
  readonly regret: readonly RegretModel[];
  /** Those of no section that is here. */
  readonly losses: readonly LosingBand[];
}

/** Bus bandwidth of a section's point, GB/s (1e9); undefined where there is none. */
export function bandwidthOf(
  { busFactor }: Pick<Section, 'busFactor'>,
  bytes: number,
  us: number,
): number | undefined {
  return busFactor === undefined || busFactor === 0 ? undefined : (bytes / us / 1e3) * busFactor;
}

/** All sizes that any series of a section has a point at, in order. */
export function sizesOf({ series }: Pick<Section, 'series'>): number[] {
  return [...new Set(series.flatMap(({ points }) => points.map(({ bytes }) => bytes)))].sort((a, b) => a - b);
}
