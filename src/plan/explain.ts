/**
 * @file Why a plan chooses what it chooses at a size: the time to expect, what comes second and by how much, and how well it is known.
 */
import { CrossoverError } from '../errors.ts';
import { formatBytes, formatMicroseconds } from '../units.ts';
import { extrapolate, spans } from './curve.ts';
import { keyName, type PlanKey } from './key.ts';
import { type CompiledEntry, compilePlan, PlanIndex } from './lookup.ts';
import { type Candidate, type Choice, choiceName, type Plan, type PlanRange } from './plan.ts';

export interface Explanation {
  readonly key: PlanKey;
  readonly bytes: number;
  readonly algorithm: string;
  readonly tunables: Readonly<Record<string, number>>;
  readonly range: PlanRange;
  /** Expected time, us. */
  readonly us: number;
  /** The fastest of the other algorithms at this size; of the other tunables when there is only one algorithm. Absent when nothing else was measured. */
  readonly runnerUp?: RunnerUp | undefined;
  /** By how many percent the runner-up takes longer. Negative when it was faster, within the noise. Absent without a runner-up. */
  readonly advantagePercent?: number | undefined;
  /** Whether this very size was measured, lies between measured sizes, or outside of the sweep. */
  readonly basis: 'measured' | 'interpolated' | 'extrapolated';
  /** Whether another key's entry stands in for this one. */
  readonly approximate: boolean;
  /** What to know beside that, in words. */
  readonly notes: readonly string[];
}

export interface RunnerUp extends Choice {
  /** Expected time, us. */
  readonly us: number;
}

/**
 * Explains the choice for a key at a size in bytes.
 * Throws CrossoverError when the plan has no entry that may serve the key, or the size is not a whole number from 0.
 */
export function explain(plan: Plan | PlanIndex, key: PlanKey, bytes: number): Explanation {
  if (!Number.isSafeInteger(bytes) || bytes < 0) {
    throw new CrossoverError(`bytes is ${bytes}, must be a whole number, 0 or more`);
  }
  const index = plan instanceof PlanIndex ? plan : compilePlan(plan);
  const compiled = index.entry(key);
  if (compiled === undefined) throw new CrossoverError(missingEntry(index.plan, key));

  const range = compiled.find(bytes);
  const { candidates } = compiled.entry;
  const chosen = candidates.find((candidate) => choiceName(candidate) === choiceName(range));
  const us = (chosen && extrapolate(chosen.points, bytes)?.us) ?? range.us;
  const runnerUp = findRunnerUp(compiled, range, bytes);
  const { algorithm, tunables } = range;
  const advantagePercent = runnerUp && (runnerUp.us / us - 1) * 100;
  const { approximate } = compiled;
  const { from, to } = chosenExtent(compiled, chosen);
  const outside = bytes < from || bytes > to;
  const own = chosen?.points.some((point) => point.bytes === bytes) ?? range.at === bytes;
  const basis = outside ? 'extrapolated' : own ? 'measured' : 'interpolated';
  const notes = [...compiled.notes];
  if (outside) {
    notes.push(
      `${formatBytes(bytes)} is outside of what was measured, ${formatBytes(from)} to ${formatBytes(to)}`,
    );
  }
  if (chosen?.relativeError !== undefined) {
    const percent = (100 * chosen.relativeError).toPrecision(2);
    notes.push(`it rounds values on the way: results are off by ${percent} % of the exact ones, on average`);
  }
  if (chosen === undefined)
    notes.push(`the time is the one at ${formatBytes(range.at)}: the plan holds no curve for this choice`);
  return {
    key,
    bytes,
    algorithm,
    tunables,
    range,
    us,
    runnerUp,
    advantagePercent,
    basis,
    approximate,
    notes,
  };
}

/** One to three lines of plain words: the choice, what it is compared with, and the notes. */
export function formatExplanation(explanation: Explanation): string {
  const { key, bytes, range, us, runnerUp, basis, notes } = explanation;
  const lines = [
    `${keyName(key)}, ${formatBytes(bytes)}: ${choiceName(explanation)}, ${formatMicroseconds(us)} (${basis}), chosen ${extent(range)}.`,
  ];
  if (runnerUp !== undefined) {
    const time = formatMicroseconds(runnerUp.us);
    lines.push(
      `Next is ${choiceName(runnerUp)} with ${time}, ${comparison(explanation.advantagePercent ?? 0)}.`,
    );
  }
  if (notes.length > 0) lines.push(`Note: ${notes.join('; ')}.`);
  return lines.join('\n');
}

function findRunnerUp({ entry }: CompiledEntry, chosen: PlanRange, bytes: number): RunnerUp | undefined {
  // Outside of the sweep there is nothing to compare: curves that are drawn further cross where their noise points.
  if (bytes < entry.measured.from || bytes > entry.measured.to) return undefined;
  const name = choiceName(chosen);
  const rivals: RunnerUp[] = [];
  for (const candidate of entry.candidates) {
    if (choiceName(candidate) === name || !spans(candidate.points, bytes)) continue;
    const { us } = extrapolate(candidate.points, bytes)!;
    rivals.push({ algorithm: candidate.algorithm, tunables: candidate.tunables, us });
  }
  // Another setting of the chosen algorithm is nearly as fast and tells little, so other algorithms go first.
  const others = rivals.filter(({ algorithm }) => algorithm !== chosen.algorithm);
  const [first, ...rest] = others.length > 0 ? others : rivals;
  return first && rest.reduce((best, rival) => (rival.us < best.us ? rival : best), first);
}

/** Sizes in bytes at which the choice was measured; those of the whole sweep when its curve is not in the plan. */
function chosenExtent({ entry }: CompiledEntry, chosen: Candidate | undefined): { from: number; to: number } {
  const first = chosen?.points[0];
  const last = chosen?.points.at(-1);
  return first === undefined || last === undefined ? entry.measured : { from: first.bytes, to: last.bytes };
}

function missingEntry(plan: Plan, key: PlanKey): string {
  const names = plan.entries.map((entry) => keyName(entry.key));
  const shown = names.slice(0, 5).join(', ') || 'nothing';
  const more = names.length > 5 ? ` and ${names.length - 5} more` : '';
  return `the plan has no entry for ${keyName(key)}; it has ${shown}${more}`;
}

function extent({ from, to }: PlanRange): string {
  if (to === null) return from === 0 ? 'at every size' : `from ${formatBytes(from)} on`;
  return from === 0 ? `below ${formatBytes(to)}` : `from ${formatBytes(from)} to below ${formatBytes(to)}`;
}

function comparison(percent: number): string {
  const rounded = Math.round(Math.abs(percent) * 10) / 10;
  if (rounded === 0) return 'equal';
  const digits = rounded >= 10 ? Math.round(rounded) : rounded;
  return percent > 0 ? `${digits} % longer` : `${digits} % less, within the noise`;
}
