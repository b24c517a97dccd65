/**
 * @file Backends that the settings promise and the engine's log does not list: engines fall back to another without a word at the time of a call.
 */
import { dispatcher } from '../engines/dispatch.ts';
import { aligned, type Cell, type Problem, timeOf } from './cells.ts';
import type { Finding } from './finding.ts';
import { percentText, sizeText, spanText, usText } from './words.ts';

/** One finding a backend that would serve some measured size. */
export function unavailable(problem: Problem, cells: readonly Cell[], missing: readonly string[]): Finding[] {
  const { config, group } = problem;
  const { backends: _listed, ...promised } = config;
  const dispatch = dispatcher(promised, group.operation);
  return missing.flatMap((backend): Finding[] => {
    let worst: { bytes: number; us: number; percent: number } | undefined;
    let measured = true;
    const served = cells.filter((cell) => {
      const pick = dispatch(aligned(cell.from, cell.last));
      if (pick.backend !== backend) return false;
      const algorithm = [...pick.algorithms, ...(pick.standIns ?? [])].find((name) =>
        [cell.from, cell.last].every((at) => timeOf(group, name, at) !== undefined),
      );
      if (cell.taken === undefined || algorithm === undefined) {
        measured = false;
        return true;
      }
      for (const bytes of [cell.from, cell.last]) {
        const [now, then] = [timeOf(group, cell.taken.algorithm, bytes)!, timeOf(group, algorithm, bytes)!];
        const percent = (now / then - 1) * 100;
        if (percent > (worst?.percent ?? 0)) worst = { bytes, us: now - then, percent };
      }
      return true;
    });
    const [first, final] = [served[0], served.at(-1)];
    if (first === undefined || final === undefined) return [];
    const instead = [...new Set(served.map(({ pick }) => pick.label))].join(' or ');
    const cost = costText(worst, measured);
    return [
      {
        kind: 'backend_unavailable',
        text: `${backend} is silently unavailable: the settings promise it ${spanText(first.from, final.last)}, the log does not list it, and ${instead} serves there${cost}; find in the log why it did not come up`,
        from: first.from,
        last: final.last,
        percent: worst?.percent,
        instructions: [],
      },
    ];
  });
}

function costText(
  worst: { bytes: number; us: number; percent: number } | undefined,
  measured: boolean,
): string {
  if (worst !== undefined) {
    return `, slower by up to ${usText(worst.us)} an operation (${percentText(worst.percent)} at ${sizeText(worst.bytes)})`;
  }
  return measured ? ', as fast or faster' : ', at a cost that was not measured';
}
