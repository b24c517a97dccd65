/**
 * @file What all commands have in common: they end by exceptions, so that one place decides exit codes; they complain in one line that
 * says where help is; and their help shows defaults as they are typed.
 */
import type { Command, Option } from 'commander';

/** Applies to a command and everything below it. */
export function applyConventions(command: Command): void {
  command
    .exitOverride()
    .configureHelp({ optionDescription: describeOption })
    .configureOutput({
      outputError: (text, write) =>
        write(`${oneLine(text)}${planHint(command, text)}; see "${pathOf(command)} --help"\n`),
    });
  for (const child of command.commands) applyConventions(child);
}

/** Commander puts suggestions on a second line. */
function oneLine(text: string): string {
  return text
    .trim()
    .replace(/\s*\n\s*/g, ' ')
    .replace(/\.$/, '');
}

/** Commands that follow a plan have an option for it, where many a program has an argument. */
function planHint(command: Command, text: string): string {
  const hasPlan = command.options.some(({ long }) => long === '--plan');
  return hasPlan && text.includes('too many arguments') ? '; a plan is named by --plan <file>' : '';
}

function pathOf(command: Command): string {
  return command.parent ? `${pathOf(command.parent)} ${command.name()}` : command.name();
}

function describeOption({ description, argChoices, defaultValue, defaultValueDescription }: Option): string {
  const choices = argChoices ? `; one of ${argChoices.join(', ')}` : '';
  const shown = defaultValueDescription ?? defaultValue;
  return `${description}${choices}${shown === undefined ? '' : ` (default: ${shown})`}`;
}
