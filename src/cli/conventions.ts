/**
 * @file What all commands have in common: they end by exceptions, so that one place decides exit codes; they complain in one line that
 * says where help is; they refuse names of files that are empty; and their help shows defaults as they are typed.
 */
import { type Command, InvalidArgumentError, type Option } from 'commander';

/** Applies to a command and everything below it. */
export function applyConventions(command: Command): void {
  command
    .exitOverride()
    .configureHelp({ optionDescription: describeOption })
    .configureOutput({
      outputError: (text, write) =>
        write(`${oneLine(text)}${planHint(command, text)}; see "${pathOf(command)} --help"\n`),
    });
  for (const option of command.options) refuseEmptyName(option);
  for (const child of command.commands) applyConventions(child);
}

/** Such as `-o "$FILE"` where nothing is set: refused as it is parsed, before anything runs. */
function refuseEmptyName(option: Option): void {
  const [, what] = /<(file|folder)>/.exec(option.flags) ?? [];
  if (what === undefined || option.parseArg !== undefined) return;
  option.argParser((name) => {
    if (name === '') throw new InvalidArgumentError(`It is empty; name a ${what}.`);
    return name;
  });
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
