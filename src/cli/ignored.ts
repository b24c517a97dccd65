/**
 * @file Options that were typed and would change nothing: refused, because whoever types one expects something of it. Defaults are not typed.
 */
import type { Command, Option } from 'commander';
import { UsageError } from './options.ts';

/**
 * @param ignored by their long names, such as `--hidden`
 * @param why they would change nothing: "--live is about the plan"
 */
export function refuseIgnored(command: Command, ignored: readonly string[], why: string): void {
  const typed = command.options.find(
    (option) => ignored.includes(option.long ?? '') && isTyped(command, option),
  );
  if (typed === undefined) return;
  const value: unknown = command.getOptionValue(typed.attributeName());
  const what = typeof value === 'boolean' ? `${typed.long} is given` : `${typed.long} is "${value}"`;
  throw new UsageError(`${what}, and ${why}; leave it out`);
}

function isTyped(command: Command, option: Option): boolean {
  return command.getOptionValueSource(option.attributeName()) === 'cli';
}
