#!/usr/bin/env node
/**
 * @file The command line. Exit codes: 0 done, 1 a check or a run failed, 2 the command was used wrongly, 130 interrupted.
 */
import { Command, CommanderError } from 'commander';
import { CrossoverError, RankError } from '../errors.ts';
import { VERSION } from '../version.ts';
import { benchCommand } from './commands/bench.ts';
import { checkCommand } from './commands/check.ts';
import { decodeCommand } from './commands/decode.ts';
import { doctorCommand } from './commands/doctor.ts';
import { exportCommand } from './commands/export.ts';
import { fuseCommand } from './commands/fuse.ts';
import { generateCommand } from './commands/generate.ts';
import { importCommand } from './commands/import.ts';
import { planCommand } from './commands/plan.ts';
import { predictCommand } from './commands/predict.ts';
import { reportCommand } from './commands/report.ts';
import { runCommand } from './commands/run.ts';
import { serveBenchCommand } from './commands/serve-bench.ts';
import { simulateCommand } from './commands/simulate.ts';
import { tuneCommand } from './commands/tune.ts';
import { applyConventions } from './conventions.ts';
import { endAtOnce } from './end-at-once.ts';
import { UsageError } from './options.ts';

const HELP = `
Examples:
  $ crossover doctor                           what this host has
  $ crossover tune                             measure it, write crossover-plan.json
  $ crossover plan explain all_reduce 64K      why the plan chooses what it chooses
  $ crossover bench all_reduce -b 1K -e 16M    the columns of nccl-tests
  $ crossover decode --model tiny              tokens a second with each way to dispatch collectives
  $ crossover predict --model llama-3.1-8b      the same, expected from a plan alone
  $ crossover serve-bench --qps 1,5,10         TTFT, TPOT and throughput of a model
  $ crossover generate --model ./Qwen3-0.6B "..."  text from a checkpoint
  $ crossover run program.ts --ranks 4         a program of your own
  $ crossover fuse model.pt2                   which all-reduces of a model can be fused
  $ crossover import nccl.txt -o set.json      measurements of other programs
  $ crossover check --engine vllm set.json      what a serving engine's settings lose here

Exit codes: 0 done, 1 a check or a run failed, 2 used wrongly.
`;

const program = new Command('crossover')
  .description('measures which collective is fastest at which size on this machine, and then uses it')
  .version(VERSION)
  .enablePositionalOptions()
  .addHelpText('after', HELP);

for (const command of [
  tuneCommand(),
  benchCommand(),
  decodeCommand(),
  serveBenchCommand(),
  predictCommand(),
  generateCommand(),
  runCommand(),
  doctorCommand(),
  planCommand(),
  reportCommand(),
  fuseCommand(),
  simulateCommand(),
  importCommand(),
  checkCommand(),
  exportCommand(),
]) {
  program.addCommand(command);
}
applyConventions(program);

// A reader that has seen enough (`| head -1`) is no failure of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = report(error);
  endAtOnce(process.exitCode);
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
    if (
      error instanceof RankError &&
      error.cause instanceof Error &&
      !(error.cause instanceof CrossoverError)
    ) {
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
