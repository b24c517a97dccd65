/**
 * @file Results of our own commands that time models. They have no measurements of collectives, but they are at hand where those are asked for.
 */

/** The commands whose results say so in `benchmark`. */
const COMMANDS = ['decode', 'serve-bench'] as const;

export type ResultCommand = (typeof COMMANDS)[number];

/** The command that a JSON value is a result of; undefined for all else. */
export function resultCommand(value: unknown): ResultCommand | undefined {
  if (typeof value !== 'object' || value === null || !('benchmark' in value)) return undefined;
  return COMMANDS.find((command) => command === value.benchmark);
}

/** Why none of it is read as measurements. */
export function resultRefusal(command: ResultCommand): string {
  const shown = command === 'serve-bench' ? '; "crossover report" shows such files' : '';
  return `is a result of crossover ${command}, which has no measurements of collectives${shown}`;
}
