/**
 * @file `crossover tune`: measures this machine, writes the plan, and shows where one algorithm overtakes the next.
 */
import { relative } from 'node:path';
import { Command, Option } from 'commander';
import { type EngineName, LIMITS } from '../../collective/engines.ts';
import { launch } from '../../group/launch.ts';
import { rankCount } from '../../group/wording.ts';
import { MODES, OPERATIONS, QUANTIZATIONS } from '../../operations.ts';
import { defaultPlanPath, savePlan } from '../../plan/file.ts';
import { PLAN_SCHEMA, type Plan } from '../../plan/plan.ts';
import { regretReport } from '../../plan/regret.ts';
import { formatEntry, formatRegret, formatSummary } from '../../report/plan-tables.ts';
import { bold } from '../../report/table.ts';
import { REDUCIBLE_DTYPES } from '../../tensor/dtype.ts';
import type { TunedHere } from '../../tune/program.ts';
import { arenaOf, keysOf, type TuneRequest } from '../../tune/request.ts';
import { sizeRange } from '../../units.ts';
import { VERSION } from '../../version.ts';
import { refuseIgnored } from '../ignored.ts';
import {
  checkOutput,
  hardwareOf,
  parseAbove,
  parseBytes,
  parseNames,
  parseWholes,
  UsageError,
  usage,
} from '../options.ts';
import { addRankOptions, checkArena, type RankOptions, ranksOption } from '../rank-options.ts';

interface Options extends RankOptions {
  operations: string;
  dtype: string;
  mode: string;
  hidden: string;
  quantization: string;
  begin: string;
  end: string;
  factor: string;
  seconds: string;
  output?: string;
  arena?: string;
  deterministic?: boolean;
  allowQuantized?: boolean;
  all?: boolean;
  json?: boolean;
}

const HELP = `
Examples:
  Tune this machine with the defaults and write ./crossover-plan.json
    $ crossover tune
  One operation, closely
    $ crossover tune --operations all_reduce --dtype f32 -b 256 -e 64M -f 2 --seconds 60
  Fused all-reduce + residual + RMSNorm for two hidden sizes, with FP8 outputs
    $ crossover tune --operations all_reduce_rms_norm --hidden 4096,8192 --quantization none,f8e4m3_token
`;

export function tuneCommand(): Command {
  return addRankOptions(new Command('tune').description('measure this machine and write a plan'))
    .addOption(all('--operations <names>', OPERATIONS))
    .option('--dtype <names>', `comma-separated: ${REDUCIBLE_DTYPES.join(', ')}`, 'bf16,f32')
    .addOption(all('--mode <names>', MODES))
    .option('--hidden <sizes>', 'hidden sizes of fused operations, comma-separated', '4096')
    .option('--quantization <names>', `outputs of fused operations: ${QUANTIZATIONS.join(', ')}`, 'none')
    .option('-b, --begin <size>', 'smallest message', '1K')
    .option('-e, --end <size>', 'largest message', '16M')
    .option('-f, --factor <x>', 'from one size to the next', '4')
    .option('--seconds <s>', 'time for measuring; more gives a finer plan', '60')
    .option('-o, --output <file>', 'the plan file ($CROSSOVER_PLAN, or crossover-plan.json)')
    .option('--arena <size>', 'symmetric heap of a rank (what the largest message needs)')
    .option('--deterministic', 'only algorithms that sum in rank order: results never depend on the plan')
    .option(
      '--allow-quantized',
      'let the plan choose the quantized all-reduce, whose error the plan then says (never chosen otherwise)',
    )
    .option('--all', 'print a table for every key, not only the main ones')
    .option('--json', 'print the plan as JSON instead of tables')
    .addHelpText('after', HELP)
    .action(run);
}

/** A list of names of which all are the default. */
function all(flags: string, names: readonly string[]): Option {
  return new Option(flags, `comma-separated: ${names.join(', ')}`).default(names.join(','), 'all');
}

async function run(options: Options, command: Command): Promise<void> {
  const { ranks, device, processes } = ranksOption(options);
  const request = requestOf(options, device);
  refuseIgnoredOf(request, command);
  if (keysOf(request, ranks).length === 0) {
    throw new UsageError(
      `--hidden ${options.hidden} has no multiple of 16, which --quantization nvfp4 needs`,
    );
  }
  checkArena(options, arenaOf(request, ranks), { ranks, device });
  const output = options.output ?? defaultPlanPath();
  checkOutput(output, options.output === undefined && process.env.CROSSOVER_PLAN ? '$CROSSOVER_PLAN' : '-o');
  const results = await launch<TunedHere | undefined>(new URL('../../tune/program.js', import.meta.url), {
    ranks,
    processes,
    data: request,
  });
  const { entries, heldOut, fingerprint } = results[0]!;
  const plan: Plan = {
    schema: PLAN_SCHEMA,
    crossover: VERSION,
    createdAt: new Date().toISOString(),
    command: `crossover ${process.argv.slice(2).join(' ')}`,
    deterministic: request.deterministic,
    fingerprint,
    entries,
    regret: regretReport(heldOut),
  };
  savePlan(output, plan);
  process.stdout.write(
    options.json ? `${JSON.stringify(plan)}\n` : describe(plan, output, options.all === true),
  );
}

/** What is said of operations that are not tuned, and of output that is not printed. */
function refuseIgnoredOf({ operations, deterministic, engine }: TuneRequest, command: Command): void {
  const names = operations.join(', ');
  if (!operations.includes('all_reduce_rms_norm'))
    refuseIgnored(
      command,
      ['--hidden', '--quantization'],
      `--operations has no all_reduce_rms_norm (${names}), which alone has rows`,
    );
  const quantized = ['--allow-quantized'];
  if (!operations.includes('all_reduce'))
    refuseIgnored(command, quantized, `--operations has no all_reduce (${names})`);
  if (deterministic) refuseIgnored(command, quantized, '--deterministic leaves out the quantized all-reduce');
  if (engine === 'cpu') refuseIgnored(command, quantized, 'the CPU engine has no quantized all-reduce');
  if (command.getOptionValue('json')) refuseIgnored(command, ['--all'], '--json prints all of the plan');
}

function requestOf(options: Options, engine: EngineName): TuneRequest {
  const minBytes = parseBytes(options.begin, '-b');
  const maxBytes = parseBytes(options.end, '-e');
  const factor = parseAbove(options.factor, '-f', 1);
  usage(() => sizeRange(minBytes, maxBytes, factor));
  return {
    operations: parseNames(options.operations, '--operations', OPERATIONS),
    dtypes: parseNames(options.dtype, '--dtype', REDUCIBLE_DTYPES),
    modes: parseNames(options.mode, '--mode', MODES),
    hidden: parseWholes(options.hidden, '--hidden', 1, LIMITS[engine].hidden),
    quantizations: parseNames(options.quantization, '--quantization', QUANTIZATIONS),
    minBytes,
    maxBytes,
    factor,
    seconds: parseAbove(options.seconds, '--seconds', 0),
    engine,
    arenaBytes: options.arena === undefined ? undefined : parseBytes(options.arena, '--arena'),
    deterministic: options.deterministic === true,
    allowLossy: options.allowQuantized === true,
    seed: Date.now() >>> 0,
    progress: process.stderr.isTTY === true,
  };
}

/** Tables of what people ask first (all-reduce and the fused operation, as models run them), then a line a key, then what to do next. */
function describe(plan: Plan, path: string, all: boolean): string {
  const { host, engine, device } = plan.fingerprint;
  const main = plan.entries.filter(
    ({ key }) => key.mode === 'replay' && key.dtype === 'bf16' && key.operation.startsWith('all_reduce'),
  );
  const shown = all || main.length === 0 ? plan.entries : main;
  const worldSize = plan.entries[0]!.key.worldSize;
  return `${[
    `${hardwareOf(host, device)}, Node ${host.node}: ${engine} engine, ${rankCount(worldSize)}.`,
    'Times are medians in microseconds an operation, of the slowest rank; * marks what the plan uses.',
    ...shown.map((entry) => `\n${formatEntry(entry)}`),
    `\n${bold('Plan, by size')}`,
    formatSummary(plan),
    `\n${formatRegret(plan)}`,
    `\nplan written to ${path}`,
    `next:  ${self()} plan explain all_reduce 64K       why it chooses what it chooses`,
    `       ${self()} bench all_reduce -b 1K -e 16M     the columns of nccl-tests`,
    `       ${'createCommunicator(group)'.padEnd(self().length + 31)}in a program: uses this plan (see examples/)`,
  ].join('\n')}\n`;
}

/** How this program was called, for hints that can be typed as they are: from a clone, or installed. */
function self(): string {
  const path = relative(process.cwd(), process.argv[1] ?? '');
  return path.startsWith('..') || path.includes('node_modules') ? 'npx crossover' : `node ${path}`;
}
