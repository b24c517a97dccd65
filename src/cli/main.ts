#!/usr/bin/env node
/**
 * @file The command line. Exit codes: 0 done, 1 a check or a run failed, 2 the command was used wrongly, 130 interrupted.
 */
import { Command, CommanderError } from 'commander';
import { CrossoverError, RankError } from '../errors.ts';
import { VERSION } from '../version.ts';
import { applyConventions } from './conventions.ts';
import { endAtOnce } from './end-at-once.ts';
import { UsageError } from './options.ts';

const HELP = `
Examples:
  $ crossover doctor                           what this host has
  $ crossover tune                             measure it, write crossover-plan.json
  $ crossover plan explain all_reduce 64K      why the plan chooses what it chooses
  $ crossover bench all_reduce -b 1K -e 16M    the columns of nccl-tests
  $ crossover decode --model tiny --batch 1,8  tokens a second with each way to dispatch collectives
  $ crossover predict --model llama-3.1-8b     the same, expected from a plan alone
  $ crossover serve-bench --qps 1,5,10         TTFT, TPOT and throughput of a model
  $ crossover generate --model FOLDER "Once"   text from a checkpoint
  $ crossover run program.ts --ranks 4         a program of your own
  $ crossover fuse model.pt2                   which all-reduces of a model can be fused
  $ crossover import nccl.txt -o set.json      measurements of other programs
  $ crossover check --engine vllm set.json     what a serving engine's settings lose here

Exit codes: 0 done, 1 a check or a run failed, 2 used wrongly.
`;

/** In the order of the help. One alone is loaded when it is asked for by name: to load all of them takes longer than most of them run. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  tune: async () => (await import('./commands/tune.ts')).tuneCommand(),
  bench: async () => (await import('./commands/bench.ts')).benchCommand(),
  decode: async () => (await import('./commands/decode.ts')).decodeCommand(),
  'serve-bench': async () => (await import('./commands/serve-bench.ts')).serveBenchCommand(),
  predict: async () => (await import('./commands/predict.ts')).predictCommand(),
  generate: async () => (await import('./commands/generate.ts')).generateCommand(),
  run: async () => (await import('./commands/run.ts')).runCommand(),
  doctor: async () => (await import('./commands/doctor.ts')).doctorCommand(),
  plan: async () => (await import('./commands/plan.ts')).planCommand(),
  report: async () => (await import('./commands/report.ts')).reportCommand(),
  fuse: async () => (await import('./commands/fuse.ts')).fuseCommand(),
  simulate: async () => (await import('./commands/simulate.ts')).simulateCommand(),
  import: async () => (await import('./commands/import.ts')).importCommand(),
  check: async () => (await import('./commands/check.ts')).checkCommand(),
  export: async () => (await import('./commands/export.ts')).exportCommand(),
};

const program = new Command('crossover')
  .description('measures which collective is fastest at which size on this machine, and then uses it')
  .version(VERSION)
  .enablePositionalOptions()
  .addHelpText('after', HELP);

// A reader that has seen enough (`| head -1`) is no failure of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') return;
  console.error(`error: cannot write to stdout: ${error.message}`);
  process.exit(1);
});

try {
  const named = process.argv[2] ?? '';
  const wanted = Object.hasOwn(COMMANDS, named) ? [COMMANDS[named]!] : Object.values(COMMANDS);
  for (const command of await Promise.all(wanted.map((load) => load()))) program.addCommand(command);
  applyConventions(program);
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
