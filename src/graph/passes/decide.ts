/**
 * @file Which sites are fused for which token counts: by what a plan measured of the fused operation and of the fastest unfused sequence. What was not
 * measured stays unfused, and a cap that a person gives is followed and its cost told.
 *
 * Token counts are rows of [tokens, hidden]; ranges are half-open.
 */
import { isUnfused } from '../../collective/all-reduce-rms-norm/unfused.ts';
import type { Mode } from '../../operations.ts';
import { interpolate } from '../../plan/curve.ts';
import { keyName, type PlanKey } from '../../plan/key.ts';
import type { CompiledEntry, PlanIndex } from '../../plan/lookup.ts';
import { dtypeBytes } from '../../tensor/dtype.ts';
import { tensorOf } from '../ir/graph.ts';
import type { Site } from './sites.ts';

export interface DecisionOptions {
  /** Measurements; without them nothing is fused, or what the cap says. */
  readonly plan?: PlanIndex | undefined;
  readonly worldSize: number;
  readonly mode: Mode;
  /** Largest message that is fused, bytes, in place of what was measured. Infinity fuses every site. */
  readonly capBytes?: number | undefined;
}

/** Token counts from `from` to below `to`, for which one choice holds. */
export interface DecidedRange {
  readonly from: number;
  readonly to: number;
  readonly fused: boolean;
  /** The plan's algorithm; absent where nothing was measured. */
  readonly algorithm?: string | undefined;
}

/** What was measured at a token count, us. */
export interface MeasuredTokens {
  readonly tokens: number;
  readonly fusedUs: number;
  readonly unfusedUs: number;
}

export interface Decision {
  readonly site: Site;
  readonly key: PlanKey;
  /** From 1 token to infinity, without gaps. */
  readonly ranges: readonly DecidedRange[];
  /** By increasing token count; empty without a measurement. */
  readonly measured: readonly MeasuredTokens[];
  /** Why nothing was measured, in words. */
  readonly unmeasured?: string | undefined;
}

/** Decides for one site. */
export function decide(site: Site, options: DecisionOptions): Decision {
  const { plan, worldSize, mode, capBytes } = options;
  const dtype = tensorOf(site.sum)!.dtype as PlanKey['dtype'];
  const quantization = site.quantizations[0]?.quantization ?? 'none';
  const { hidden } = site;
  const key: PlanKey = {
    operation: 'all_reduce_rms_norm',
    dtype,
    worldSize,
    mode,
    hidden,
    quantization,
    registered: true,
  };
  const rowBytes = hidden * dtypeBytes(dtype);
  const entry = plan?.entry(key);
  const exact = entry && !entry.approximate ? entry : undefined;
  const own = exact
    ? plannedRanges(exact, rowBytes)
    : [{ from: 1, to: Number.POSITIVE_INFINITY, fused: false }];
  return {
    site,
    key,
    ranges: capBytes === undefined ? own : cappedRanges(own, Math.floor(capBytes / rowBytes)),
    measured: exact ? measuredTokens(exact, rowBytes) : [],
    ...(!exact && { unmeasured: unmeasured(key, plan) }),
  };
}

/** Whether a decision fuses a token count. */
export function fusesAt({ ranges }: Decision, tokens: number): boolean {
  return ranges.some(({ from, to, fused }) => fused && tokens >= from && tokens < to);
}

/** Times at a token count, us, between what was measured; undefined outside. */
export function timesAt({ measured }: Decision, tokens: number): MeasuredTokens | undefined {
  const curve = (us: (one: MeasuredTokens) => number): number | undefined =>
    interpolate(
      measured.map((one) => ({ bytes: one.tokens, us: us(one), spread: 0 })),
      tokens,
    )?.us;
  const fusedUs = curve((one) => one.fusedUs);
  const unfusedUs = curve((one) => one.unfusedUs);
  return fusedUs === undefined || unfusedUs === undefined ? undefined : { tokens, fusedUs, unfusedUs };
}

/** What a decision loses at a measured token count against the better of fused and unfused, us. */
export function lossAt(decision: Decision, { tokens, fusedUs, unfusedUs }: MeasuredTokens): number {
  const us = fusesAt(decision, tokens) ? fusedUs : unfusedUs;
  return us - Math.min(fusedUs, unfusedUs);
}

function plannedRanges(entry: CompiledEntry, rowBytes: number): DecidedRange[] {
  const { measured, ranges } = entry.entry;
  const tokensFrom = (bytes: number): number => Math.max(1, Math.ceil(bytes / rowBytes));
  const first = tokensFrom(measured.from);
  const end = Math.floor(measured.to / rowBytes) + 1;
  const result: DecidedRange[] = first > 1 ? [{ from: 1, to: first, fused: false }] : [];
  for (const { from, to, algorithm } of ranges) {
    const range = {
      from: Math.max(first, tokensFrom(from)),
      to: Math.min(end, to === null ? end : tokensFrom(to)),
    };
    if (range.from < range.to) result.push({ ...range, fused: !isUnfused(algorithm), algorithm });
  }
  return [...result, { from: result.at(-1)?.to ?? 1, to: Number.POSITIVE_INFINITY, fused: false }];
}

/** Fused up to `most` tokens, cut where the plan's ranges are, so that the plan's algorithm stays with each. */
function cappedRanges(ranges: readonly DecidedRange[], most: number): DecidedRange[] {
  return ranges.flatMap((range) => {
    const { from, to } = range;
    const cut = Math.min(to, Math.max(from, most + 1));
    return [
      ...(cut > from ? [{ ...range, to: cut, fused: true }] : []),
      ...(to > cut ? [{ ...range, from: cut, fused: false }] : []),
    ];
  });
}

/** The best fused and the best unfused time at every token count at which both were measured. */
function measuredTokens({ entry }: CompiledEntry, rowBytes: number): MeasuredTokens[] {
  const sizes = new Set(entry.candidates.flatMap(({ points }) => points.map(({ bytes }) => bytes)));
  return [...sizes]
    .sort((a, b) => a - b)
    .filter((bytes) => bytes % rowBytes === 0)
    .flatMap((bytes) => {
      const best = (unfused: boolean): number =>
        Math.min(
          ...entry.candidates
            .filter(({ algorithm }) => isUnfused(algorithm) === unfused)
            .map(({ points }) => interpolate(points, bytes)?.us ?? Number.POSITIVE_INFINITY),
        );
      const [fusedUs, unfusedUs] = [best(false), best(true)];
      return Number.isFinite(fusedUs) && Number.isFinite(unfusedUs)
        ? [{ tokens: bytes / rowBytes, fusedUs, unfusedUs }]
        : [];
    });
}

function unmeasured(key: PlanKey, plan: PlanIndex | undefined): string {
  if (!plan) return 'there is no plan';
  const { hidden, dtype, worldSize, quantization, mode } = key;
  const options = [
    `--ranks ${worldSize}`,
    '--operations all_reduce_rms_norm',
    `--dtype ${dtype}`,
    `--mode ${mode}`,
    `--hidden ${hidden}`,
    ...(quantization === 'none' ? [] : [`--quantization ${quantization}`]),
  ];
  return `the plan has no ${keyName(key)}; measure it: crossover tune ${options.join(' ')}`;
}
