#!/usr/bin/env node
/**
 * @file The command line. Exit codes: 0 done, 1 a check or a run failed, 2 the command was used wrongly, 130 interrupted.
 */
import { Command, CommanderError } from 'commander';
import { CrossoverError, RankError } from '../errors.ts';
import { VERSION } from '../version.ts';
import { benchCommand } from './commands/bench.ts';
import { doctorCommand } from './commands/doctor.ts';
import { planCommand } from './commands/plan.ts';
import { runCommand } from './commands/run.ts';
import { simulateCommand } from './commands/simulate.ts';
import { tuneCommand } from './commands/tune.ts';
import { UsageError } from './options.ts';

const program = new Command('crossover')
  .description('measures which collective is fastest at which size on this machine, and then uses it')
  .version(VERSION)
  .enablePositionalOptions()
  .showHelpAfterError('(--help shows what there is)');

for (const command of [tuneCommand(), benchCommand(), runCommand(), doctorCommand(), planCommand(), simulateCommand()]) {
  program.addCommand(command);
}
exitByThrowing(program);

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = report(error);
}

/** Commander's own exits become exceptions, so that there is one place that decides exit codes. */
function exitByThrowing(command: Command): void {
  command.exitOverride();
  for (const child of command.commands) exitByThrowing(child);
}

/** Prints one line for what is expected to go wrong, and the whole stack for what is not. */
function report(error: unknown): number {
  // Commander has printed its message; help and version end here too, with exit code 0.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof UsageError) {
    console.error(`error: ${error.message}`);
    return 2;
  }
  if (error instanceof CrossoverError) {
    console.error(`error: ${error.message}`);
    if (error instanceof RankError && error.cause instanceof Error && !(error.cause instanceof CrossoverError)) {
      console.error(error.cause.stack);
    }
    return 1;
  }
  if (isSystemError(error)) {
    console.error(`error: ${error.message}`);
    return 1;
  }
  console.error(error);
  return 1;
}

/** Files that cannot be read or written: the system's message has the path. */
function isSystemError(error: unknown): error is Error {
  return error instanceof Error && 'syscall' in error;
}
