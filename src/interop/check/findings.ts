/**
 * @file What is wrong, by name and in words, with what to set. One finding for neighbouring bands of the same kind.
 */
import { formatBytes } from '../../units.ts';
import { dispatch, missingBackends } from '../engines/dispatch.ts';
import type { Instruction } from '../engines/types.ts';
import { type Advice, behind } from './advice.ts';
import { type LosingBand, type Loss, type PickBand, worse } from './bands.ts';
import { type Cell, type Problem, timeOf } from './cells.ts';
import type { Finding, FindingKind } from './finding.ts';
import { unavailable } from './unavailable.ts';
import { instructionText, percentText, sizeText, spanText, usText } from './words.ts';

export interface Evidence {
  readonly problem: Problem;
  readonly cells: readonly Cell[];
  readonly picks: readonly PickBand[];
  readonly bands: readonly LosingBand[];
  readonly outOfReach: readonly LosingBand[];
  readonly advice: Advice | undefined;
}

/** Everything worth a sentence, the losses first. */
export function findings(evidence: Evidence): Finding[] {
  const { problem, bands, outOfReach } = evidence;
  const missing = missingBackends(problem.config);
  // What a missing backend would do is said where it is said that it is missing.
  const others = bands.filter(({ other }) => !missing.includes(other.backend));
  const runs = neighbours(others, (band) => runName(kindOf(evidence, band), band));
  return [
    ...unavailable(problem, evidence.cells, missing),
    ...runs.map((run) => losing(evidence, run)),
    ...neighbours(outOfReach, (band) => `${band.pick.label} ${band.other.label}`).map((run) =>
      beyond(problem, run),
    ),
    ...notMeasured(evidence),
  ];
}

function kindOf({ problem, cells, bands }: Evidence, band: LosingBand): FindingKind {
  const { pick, other, from, last } = band;
  const { settings } = problem.config;
  if (pick.backend === 'FUSED' && other.backend === 'UNFUSED') return 'fusion_cap_too_high';
  if (pick.backend === 'UNFUSED' && other.backend === 'FUSED') {
    if (!settings.fusion) return 'fusion_off';
    // Where not fusing is right for something smaller, a cap cannot say so.
    const before = cells.filter((cell) => cell.last < from && cell.best?.backend === 'UNFUSED');
    return before.length > 0 ? 'slower_choice' : 'fusion_cap_too_low';
  }
  const custom = cells.filter((cell) => cell.pick.backend === 'CUSTOM');
  if (pick.backend === 'CUSTOM' && other.backend !== 'CUSTOM') {
    // Where it is right again for larger messages, its upper bound is not what is wrong.
    const losing = (cell: Cell): boolean =>
      bands.some((each) => each.from <= cell.from && cell.from <= each.last);
    return custom.some((cell) => cell.from > last && !losing(cell))
      ? 'slower_choice'
      : 'custom_bounded_too_high';
  }
  if (pick.backend !== 'CUSTOM' && other.backend === 'CUSTOM') {
    if (!settings.custom) return 'custom_off';
    return custom.some((cell) => cell.last < from) ? 'custom_bounded_too_low' : 'slower_choice';
  }
  return 'slower_choice';
}

/** What goes into one finding: a wrong bound is one, whatever was picked on either side of it. */
function runName(kind: FindingKind, { pick }: LosingBand): string {
  return kind === 'slower_choice' ? `${kind} ${pick.label}` : kind;
}

function losing(evidence: Evidence, run: readonly LosingBand[]): Finding {
  const { problem } = evidence;
  const { from, last, by, worst, worstBand, slower, faster } = together(run);
  const kind = kindOf(evidence, worstBand);
  const span = spanText(from, last);
  const { text: remedy, instructions } = remedyFor(evidence, worstBand);
  const said = (): string => {
    switch (kind) {
      case 'fusion_cap_too_high':
        return `the fusion cap${capText(problem)} is above the crossover with the unfused path: ${span}, ${slower} is slower than ${faster}, ${by}`;
      case 'fusion_cap_too_low':
        return `the fusion cap${capText(problem)} is below the crossover with the unfused path: ${span}, ${faster} is faster than ${slower}, ${by}`;
      case 'fusion_off':
        return `fusion is off: ${span}, ${faster} is faster than ${slower}, ${by}`;
      case 'custom_bounded_too_high':
        return `the custom all-reduce is bounded too high: ${span}, ${slower} is slower than ${faster}, ${by}`;
      case 'custom_bounded_too_low':
        return `the custom all-reduce is bounded too low: ${span}, ${faster} is faster than ${slower}, ${by}`;
      case 'custom_off':
        return `the custom all-reduce is off: ${span}, ${faster} is faster than ${slower}, ${by}`;
      default:
        return `${span}, ${slower} is slower than ${faster}, ${by}`;
    }
  };
  return { kind, text: `${said()}; ${remedy}`, from, last, percent: worst.percent, instructions };
}

function capText({ config: { engine, deployment, settings } }: Problem): string {
  const cap = engine.fusionCap(deployment, settings);
  return cap === undefined ? '' : ` of ${formatBytes(cap)}`;
}

/** The advised settings where they help here; otherwise what would, and what it costs elsewhere. */
function remedyFor(
  evidence: Evidence,
  { worst, other }: LosingBand,
): { text: string; instructions: readonly Instruction[] } {
  const { problem, cells, advice } = evidence;
  const { config, tolerance, alternatives } = problem;
  const left = advice && percentThen(problem, advice, worst);
  if (advice !== undefined && advice.instructions.length > 0 && left !== undefined && left < worst.percent) {
    const rest = left > tolerance * 100 ? `, which leaves ${percentText(left)} there` : '';
    return { text: `set ${instructionText(advice.instructions)}${rest}`, instructions: advice.instructions };
  }
  const cell = cells.find(({ from, last }) => from <= worst.bytes && worst.bytes <= last);
  const settings = cell?.best?.settings;
  const only = settings && config.engine.instructions(config.settings, settings, config.deployment);
  if (settings === undefined || only === undefined || only.length === 0) {
    return { text: `no setting leads to ${other.label} there`, instructions: [] };
  }
  const index = alternatives.indexOf(settings);
  const after = behind(problem, cells, ({ alternatives: timed }) => timed[index]?.algorithm);
  const cost =
    after === undefined
      ? 'at a cost at other sizes that was not measured'
      : after > (advice?.after ?? 0)
        ? 'but loses more at other sizes'
        : 'and gains little in all';
  return { text: `${instructionText(readable(only))} would take it there, ${cost}`, instructions: [] };
}

/** The message that a bound stands for: the first after a size that is a byte above it, the last before one that is a byte below. */
function messageAt(bytes: number): number {
  return bytes % 16 === 1 ? bytes + 15 : bytes - (bytes % 16);
}

/** By how many percent the advised settings are behind at a size, where that was measured. */
function percentThen(
  { config, group }: Problem,
  { settings }: Advice,
  { bytes, otherUs }: Loss,
): number | undefined {
  const { backends: _those, ...open } = config;
  const { algorithms, standIns = [] } = dispatch(
    { ...open, settings },
    group.operation,
    bytes - (bytes % 16),
  );
  const times = [...algorithms, ...standIns].map((name) => timeOf(group, name, bytes));
  const us = times.find((each) => each !== undefined);
  return us === undefined ? undefined : (us / otherUs - 1) * 100;
}

/** A cap without end is no cap to tell people. */
function readable(instructions: readonly Instruction[]): Instruction[] {
  return instructions.map((each) =>
    typeof each.value === 'number' ? { kind: 'flag', text: `a larger pass_config.${each.text}` } : each,
  );
}

// ---------- What cannot be set, and what is not known ----------

function beyond({ config, group, alternatives }: Problem, run: readonly LosingBand[]): Finding {
  const { from, last, by, worst, worstBand, faster } = together(run);
  const { engine } = config;
  const backend = backendOf(worstBand.other.algorithm);
  const { attempts } = dispatch(config, group.operation, messageAt(worst.bytes));
  const failed = attempts.find((each) => each.backend === backend)?.rules.filter((rule) => !rule.holds) ?? [];
  const why = failed.length > 0 ? `: ${backend} wants ${failed.map((rule) => rule.text).join(', ')}` : '';
  const own =
    !config.deployment.nvlink && alternatives.some((each) => each.pcieIpc)
      ? `; VLLM_ALLREDUCE_USE_FLASHINFER_PCIE_IPC=1 is its way for such machines, and was not measured`
      : '';
  return {
    kind: 'out_of_reach',
    text: `${spanText(from, last)}, ${faster} is faster than ${worstBand.pick.label}, ${by}, but no setting of ${engine.name} ${engine.version} leads to it${why}${own}`,
    from,
    last,
    percent: worst.percent,
    instructions: [],
  };
}

/** Whose an algorithm is, for the rules that kept it out. */
function backendOf(algorithm: string): string | undefined {
  if (/custom/.test(algorithm)) return 'CUSTOM';
  if (algorithm.startsWith('torch_symm_mem')) return 'SYMM_MEM';
  if (algorithm === 'nccl_symmetric') return 'NCCL_SYMM_MEM';
  // One-shot or two-shot of a fused kernel is no rule, but a constant.
  return algorithm.startsWith('flashinfer') && !algorithm.includes('fused') ? 'FLASHINFER' : undefined;
}

function notMeasured({ picks, problem }: Evidence): Finding[] {
  const { engine } = problem.config;
  return picks
    .filter(({ algorithm }) => algorithm === undefined)
    .map(({ from, last, label }) => ({
      kind: 'not_measured',
      text: `${spanText(from, last)}, ${engine.name} picks ${label}, which was not measured there: nothing is known of what it loses`,
      from,
      last,
      instructions: [],
    }));
}

// ---------- Runs ----------

/** Bands that follow one another and have one name. */
function neighbours(bands: readonly LosingBand[], name: (band: LosingBand) => string): LosingBand[][] {
  const runs: LosingBand[][] = [];
  for (const band of bands) {
    const before = runs.at(-1)?.at(-1);
    if (before !== undefined && before.last + 1 === band.from && name(before) === name(band)) {
      runs.at(-1)!.push(band);
    } else {
      runs.push([band]);
    }
  }
  return runs;
}

function together(run: readonly LosingBand[]) {
  const worstBand = run.reduce((a, b) => (worse(b.worst, a.worst) ? b : a));
  const { worst } = worstBand;
  const most = run.reduce((a, b) => (b.most.us > a.most.us ? b : a)).most;
  const by =
    most.us > 1.01 * worst.us
      ? `by up to ${usText(most.us)} an operation at ${sizeText(most.bytes)} and ${percentText(worst.percent)} at ${sizeText(worst.bytes)}`
      : `by up to ${usText(worst.us)} an operation (${percentText(worst.percent)} at ${sizeText(worst.bytes)})`;
  const labels = (all: readonly string[]): string => [...new Set(all)].join(' or ');
  const faster = labels(run.map(({ other }) => other.label));
  const slower = labels(run.map(({ pick }) => pick.label));
  return { from: run[0]!.from, last: run.at(-1)!.last, by, worst, worstBand, slower, faster };
}
