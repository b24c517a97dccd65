/**
 * @file The one setting that is best over all measured sizes: engines have switches, not a choice for every size.
 */
import { MIB } from '../engines/rules.ts';
import { FUSE_EVERYTHING, type Instruction, type Settings } from '../engines/types.ts';
import { type Cell, cellsOf, type Problem, timeOf } from './cells.ts';

/** Share by which a change has to be worth it: a switch more is a thing more that can go wrong. */
const CHANGE_WORTH = 0.002;

export interface Advice {
  readonly settings: Settings;
  /** Empty where the present settings are best. */
  readonly instructions: readonly Instruction[];
  /**
   * How far the present and the advised settings are behind the best choice at each size: root mean square over the logarithm of the size, 0.05 is
   * 5 percent. Squares, so that many sizes that gain a little do not pay for a few that lose much.
   */
  readonly before: number;
  readonly after: number;
}

/** The best settings for one group; undefined where nothing that the engine picks was measured. */
export function advise(problem: Problem, cells: readonly Cell[]): Advice | undefined {
  const { config, group } = problem;
  const { engine, deployment, settings } = config;
  const before = behind(problem, cells, ({ taken }) => taken?.algorithm);
  if (before === undefined) return undefined;
  const caps = group.operation === 'all_reduce_rms_norm' ? withCaps(problem, cells) : [];
  const alternatives = [...problem.alternatives, ...caps];
  // Caps cut the sizes at places of their own.
  const finer = caps.length === 0 ? cells : cellsOf({ ...problem, alternatives });
  let best: Advice = { settings, instructions: [], before, after: before };
  let cost = before;
  for (const [i, candidate] of alternatives.entries()) {
    const after = behind(problem, finer, (cell) => cell.alternatives[i]?.algorithm);
    if (after === undefined) continue;
    const instructions = engine.instructions(settings, candidate, deployment);
    const total = after + CHANGE_WORTH * instructions.length;
    if (total >= cost || instructions.length === 0 || instructions.some(endless)) continue;
    cost = total;
    best = { settings: candidate, instructions, before, after };
  }
  return best;
}

/** Whether it says to fuse messages of any size: a way to ask what could be, and nothing to set. */
function endless({ value }: Instruction): boolean {
  return typeof value === 'number' && value >= FUSE_EVERYTHING;
}

/** Caps where fusing ceases to be best, or comes to be, with each way of fusing. */
function withCaps({ alternatives, config }: Problem, cells: readonly Cell[]): Settings[] {
  const { engine, deployment, settings } = config;
  const fusing = alternatives.filter(
    (candidate) =>
      candidate.fusion &&
      engine.instructions(settings, candidate, deployment).some((each) => typeof each.value === 'number'),
  );
  const ends = cells.filter((cell, i) => {
    const next = cells[i + 1];
    return cell.best?.backend === 'FUSED' && next?.best?.backend !== 'FUSED';
  });
  return fusing.flatMap((candidate) =>
    ends.map(({ last }) => ({ ...candidate, fusionCapMb: roundedDown(last / MIB) })),
  );
}

/** Three digits: what is set by hand should be readable. Down, because above it fusing loses. */
function roundedDown(mb: number): number {
  // The last size of a cell is one byte below the first of the next.
  const near = mb + 1 / MIB;
  const scale = 10 ** (2 - Math.floor(Math.log10(near)));
  return Math.floor(near * scale) / scale;
}

/** How far a choice is behind the best, as in Advice; undefined where it was not measured at a size where the present one was. */
export function behind(
  { group }: Problem,
  cells: readonly Cell[],
  algorithmOf: (cell: Cell) => string | undefined,
): number | undefined {
  let sum = 0;
  let weights = 0;
  for (const cell of cells) {
    if (cell.taken === undefined || cell.best === undefined) continue;
    const algorithm = algorithmOf(cell);
    if (algorithm === undefined) return undefined;
    const at = Math.sqrt(cell.from * cell.last);
    const weight = Math.log((cell.last + 1) / cell.from);
    const ratio = timeOf(group, algorithm, at)! / timeOf(group, cell.best.algorithm, at)!;
    sum += weight * Math.max(0, ratio - 1) ** 2;
    weights += weight;
  }
  return weights === 0 ? undefined : Math.sqrt(sum / weights);
}
