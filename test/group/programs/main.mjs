/** The command line with nothing but `run`. */
import { Command } from 'commander';
import { runCommand } from '../../../dist/cli/commands/run.js';
import { endAtOnce } from '../../../dist/cli/end-at-once.js';

const program = new Command('crossover').enablePositionalOptions().addCommand(runCommand());
try {
  await program.parseAsync();
} catch (error) {
  console.error(`error: ${error.message}`);
  process.exitCode = 1;
  endAtOnce(1);
}
