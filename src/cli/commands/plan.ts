/**
 * @file `crossover plan`: look at a plan file, ask it why, check whether it holds here, and print the file's schema.
 */
import { Command, Option } from 'commander';
import { parseOperation } from '../../collective/catalog.ts';
import { fingerprintLike } from '../../collective/engines.ts';
import { explainHere } from '../../collective/outside.ts';
import { CrossoverError } from '../../errors.ts';
import { MODES, type Operation, QUANTIZATIONS } from '../../operations.ts';
import { formatExplanation } from '../../plan/explain.ts';
import { defaultPlanPath, loadPlan } from '../../plan/file.ts';
import { fingerprintDifferences } from '../../plan/fingerprint.ts';
import type { PlanKey } from '../../plan/key.ts';
import type { Plan } from '../../plan/plan.ts';
import { planJsonSchema } from '../../plan/schema.ts';
import { formatEntry, formatRegret, formatSummary } from '../../report/plan-tables.ts';
import { DTYPES, dtypeBytes } from '../../tensor/dtype.ts';
import { formatSize } from '../../units.ts';
import { parseBytes, parseName, parseWhole, refuseRows, UsageError, usage } from '../options.ts';

interface FileOptions {
  plan?: string;
  json?: boolean;
}

interface ExplainOptions extends FileOptions {
  dtype: string;
  ranks?: string;
  mode: string;
  hidden?: string;
  quantization?: string;
  unregistered?: boolean;
}

const HELP = `
Examples:
  $ crossover plan show
  $ crossover plan explain all_reduce 64K --dtype bf16
  $ crossover plan explain all_reduce_rms_norm 256K --hidden 4096 --mode replay
  $ crossover plan check && node serve.js        exit code 1 when the plan is another host's
`;

export function planCommand(): Command {
  const plan = new Command('plan')
    .description('show, explain and check a plan file')
    .addHelpText('after', HELP);
  withFile(plan.command('show'), 'every key: times, choices and crossovers').action(
    (options: FileOptions) => {
      const it = load(options);
      const tables = it.entries.map(formatEntry).join('\n\n');
      print(
        options,
        it,
        `${origin(it)}\n\n${tables}\n\nPlan, by size\n${formatSummary(it)}\n\n${formatRegret(it)}`,
      );
    },
  );
  withFile(
    plan.command('explain').argument('<operation>').argument('<size>'),
    'which algorithm serves a size, why, and by how much',
  )
    .option('--dtype <name>', `one of ${DTYPES.join(', ')}`, 'bf16')
    .option('--ranks <n>', 'world size (the smallest that the plan has)')
    .option('--mode <name>', `one of ${MODES.join(', ')}`, 'eager')
    .option('--hidden <n>', 'hidden size, for fused operations')
    .addOption(
      new Option('--quantization <name>', `one of ${QUANTIZATIONS.join(', ')}`).default(undefined, 'none'),
    )
    .option('--unregistered', 'for buffers outside the symmetric heap')
    .action((operation: string, size: string, options: ExplainOptions) => {
      const key = keyOf(operation, options);
      const ranks = options.ranks === undefined ? undefined : parseWhole(options.ranks, '--ranks', 1, 1024);
      const bytes = parseBytes(size, 'size');
      refuseParts(key, size, bytes);
      const it = load(options);
      const worldSize = ranks ?? smallestWorld(it, key.operation);
      const explanation = explainHere(it, { ...key, worldSize }, bytes);
      print(options, explanation, formatExplanation(explanation));
    });
  withFile(plan.command('check'), 'whether the plan was made on this host with these kernels').action(
    (options: FileOptions) => {
      const it = load(options);
      const differences = fingerprintDifferences(it.fingerprint, fingerprintLike(it.fingerprint));
      print(
        options,
        { holds: differences.length === 0, differences },
        differences.length === 0 ? `${origin(it)}\nit holds here` : '',
      );
      if (differences.length > 0) {
        throw new CrossoverError(
          `the plan is from elsewhere (${differences.join('; ')}); run "crossover tune"`,
        );
      }
    },
  );
  plan
    .command('schema')
    .description('print the JSON schema of plan files')
    .option('--json', 'accepted for symmetry: a schema is always JSON')
    .addHelpText('after', HELP)
    .action(() => print({ json: true }, planJsonSchema(), ''));
  return plan;
}

function withFile(command: Command, description: string): Command {
  return command
    .description(description)
    .option('--plan <file>', 'the plan file ($CROSSOVER_PLAN, or crossover-plan.json)')
    .option('--json', 'print data instead of text')
    .addHelpText('after', HELP);
}

/** Looking at a plan from another host is fine; only using it is refused. */
function load({ plan }: FileOptions): Plan {
  return loadPlan(plan ?? defaultPlanPath(), { force: true });
}

/** The key that the options name, but for its world size, which may depend on the plan. */
function keyOf(operation: string, options: ExplainOptions): Omit<PlanKey, 'worldSize'> {
  const name = usage(() => parseOperation(operation));
  const fused = name === 'all_reduce_rms_norm';
  const { hidden = '4096', quantization = 'none' } = options;
  const rows = {
    hidden: parseWhole(hidden, '--hidden', 1, 1 << 20),
    quantization: parseName(quantization, '--quantization', QUANTIZATIONS),
  };
  refuseRows(name, options);
  return {
    operation: name,
    dtype: parseName(options.dtype, '--dtype', DTYPES),
    mode: parseName(options.mode, '--mode', MODES),
    ...(fused ? rows : {}),
    registered: !options.unregistered,
  };
}

/** Refuses a message that no call has: with a part of a row, or of an element. */
function refuseParts({ dtype, hidden }: Omit<PlanKey, 'worldSize'>, size: string, bytes: number): void {
  const unit = (hidden ?? 1) * dtypeBytes(dtype);
  const below = bytes - (bytes % unit);
  if (below === bytes) return;
  const nearest = [below, below + unit].filter((each) => each > 0).map(formatSize);
  const what = hidden === undefined ? `elements of ${dtype}` : `rows of hidden ${hidden} of ${dtype}`;
  throw new UsageError(
    `size is "${size}", no whole number of ${what}, ${unit} bytes each; use ${nearest.join(' or ')}`,
  );
}

/** Of the plan's entries for an operation, or of all where it has none. */
function smallestWorld({ entries }: Plan, operation: Operation): number {
  const own = entries.filter(({ key }) => key.operation === operation);
  return Math.min(...(own.length > 0 ? own : entries).map(({ key }) => key.worldSize));
}

function origin({ fingerprint, createdAt, crossover, command }: Plan): string {
  const { host, engine } = fingerprint;
  return `made ${createdAt} by crossover ${crossover} on ${host.cpu}, ${host.cores} cores (${engine} engine): ${command}`;
}

function print({ json }: FileOptions, data: unknown, text: string): void {
  const out = json ? JSON.stringify(data, null, 2) : text;
  if (out !== '') process.stdout.write(`${out}\n`);
}
