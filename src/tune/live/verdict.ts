/**
 * @file Whether a plan still holds, from a few fresh measurements: is its choice still the fastest of those that were close, and does it still take the time
 * that it took.
 */
import { keyName } from '../../plan/key.ts';
import { choiceName } from '../../plan/plan.ts';
import { formatBytes, formatMicroseconds } from '../../units.ts';
import type { Probe } from './probes.ts';

/** A fresh time of a contender. */
export interface Fresh {
  /** us; absent when it cannot run here any more. */
  readonly us?: number | undefined;
  /** us: half the width of the median's confidence interval. */
  readonly spread?: number | undefined;
  /** Why it cannot. */
  readonly refused?: string | undefined;
}

/** A probe with its fresh times, in the order of its contenders. */
export interface Probed {
  readonly probe: Probe;
  readonly fresh: readonly Fresh[];
}

/**
 * What a probe says. `holds`: the choice is within the tolerance of the fastest. `moved`: another one is faster. `slower`, `faster`: the choice is still
 * right, and takes another time than planned. `gone`: the choice cannot run here.
 */
export type Finding = 'holds' | 'moved' | 'slower' | 'faster' | 'gone';

export interface Verdict {
  readonly probed: Probed;
  readonly finding: Finding;
  /** What following the plan loses here, relative to the fastest: 0.05 is 5 %; 0 where that is within the spreads. */
  readonly loss: number;
  /** Fresh time of the choice over the planned one; absent where there is none. */
  readonly drift?: number | undefined;
  /** One sentence. */
  readonly text: string;
}

/** A choice that takes by so much more or less than planned is told; links and clocks of a host that is well stay within. */
const DRIFT = 1.25;

/** @param tolerance loss that is let pass, relative */
export function judgeProbe(probed: Probed, tolerance: number): Verdict {
  const { probe, fresh } = probed;
  const [chosen] = probe.contenders;
  const [own] = fresh;
  const where = `${keyName(probe.key)} at ${formatBytes(probe.bytes)}`;
  const name = choiceName(chosen!);
  if (own?.us === undefined) {
    const text = `${where}: ${name} cannot run here: ${own?.refused ?? 'it was not timed'}`;
    return { probed, finding: 'gone', loss: 0, text };
  }
  const rivals = fresh.flatMap(({ us, spread = 0 }, i) =>
    i > 0 && us !== undefined ? [{ us, spread, i }] : [],
  );
  const best = rivals.reduce<(typeof rivals)[0] | undefined>(
    (a, b) => (a && a.us <= b.us ? a : b),
    undefined,
  );
  const { us, spread = 0 } = own;
  const drift = chosen!.plannedUs === undefined ? undefined : us / chosen!.plannedUs;
  // Two times within the sum of their spreads are not told apart.
  const loss = best && us - best.us > spread + best.spread ? us / best.us - 1 : 0;
  if (best && loss > tolerance) {
    const other = choiceName(probe.contenders[best.i]!);
    const text = `${where}: ${other} takes ${formatMicroseconds(best.us)} now, the plan's ${name} ${formatMicroseconds(us)}: ${percent(loss)} longer`;
    return { probed, finding: 'moved', loss, drift, text };
  }
  const plannedSpread = chosen!.plannedSpread ?? 0;
  const apart = chosen!.plannedUs !== undefined && Math.abs(us - chosen!.plannedUs) > spread + plannedSpread;
  if (drift !== undefined && apart && (drift > DRIFT || drift < 1 / DRIFT)) {
    const text = `${where}: ${name} takes ${formatMicroseconds(us)}, and took ${formatMicroseconds(chosen!.plannedUs!)} when the plan was made`;
    return { probed, finding: drift > 1 ? 'slower' : 'faster', loss, drift, text };
  }
  return {
    probed,
    finding: 'holds',
    loss,
    drift,
    text: `${where}: ${name} holds, ${formatMicroseconds(us)}`,
  };
}

/** Whether the plan has to be made anew. */
export function hasMoved(verdicts: readonly Verdict[]): boolean {
  return verdicts.some(({ finding }) => finding === 'moved' || finding === 'gone');
}

function percent(share: number): string {
  const value = 100 * share;
  return `${value < 10 ? value.toFixed(1) : value.toFixed(0)} %`;
}
