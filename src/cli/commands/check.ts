/**
 * @file `crossover check`: measurements against the settings of a serving engine. What it picks by size, what that loses, and what to set. And with
 * `--live`, a plan against this host.
 */
import { Command, Option } from 'commander';
import { CrossoverError } from '../../errors.ts';
import { compare, isUnknown, type Report, worstPercent } from '../../interop/compare.ts';
import { ENGINE_NAMES, type ServingEngineName } from '../../interop/engines/find.ts';
import { readMeasurements } from '../../interop/read/index.ts';
import { engineTitle, formatComparison } from '../../report/check-tables.ts';
import { checkLive } from '../check-live.ts';
import { refuseIgnored } from '../ignored.ts';
import { parseAbove, UsageError } from '../options.ts';
import {
  SERVING_OPTIONS,
  type Serving,
  type ServingOptions,
  servingOf,
  toleranceOf,
  VERSIONS_HELP,
  withServingOptions,
} from '../serving-options.ts';

interface Options extends ServingOptions {
  engine?: ServingEngineName;
  live?: boolean;
  plan?: string;
  seconds: string;
  json?: boolean;
}

/** Percent: a plan's crossovers lie between sizes that were measured, so next to them it is a little behind even when it is fresh. */
const LIVE_TOLERANCE = 5;

const HELP = `
Versions that are described: ${VERSIONS_HELP}

Examples:
  Is the fusion cap right here?
    $ crossover check --engine vllm --gpu H200 --tp 8 fused_collective.txt
  What does a backend cost that did not come up?
    $ crossover check --engine vllm --gpu H100 --tp 8 --backends CUSTOM,PYNCCL communicators.json
  In percent of decode throughput
    $ crossover check --engine vllm --gpu H200 --tp 8 --model qwen3-30b-a3b --step-ms 9.5 *.json
  Does the plan still hold, after an update of the driver?
    $ crossover check --live

Exit code 1 when a setting, or for --live another algorithm, would be faster somewhere by more than --tolerance.
`;

export function checkCommand(): Command {
  const command = new Command('check')
    .description('compare measurements with what a serving engine would pick, or a plan with this host')
    .argument('[files...]', 'measurements of any format that "crossover import" reads; - is standard input')
    .addOption(new Option('--engine <name>', 'serving engine').choices([...ENGINE_NAMES]))
    .option(
      '--live',
      `measure what this host's plan hangs on again, in place of reading files (--tolerance ${LIVE_TOLERANCE})`,
    )
    .option('--plan <file>', 'the plan for --live ($CROSSOVER_PLAN, or crossover-plan.json)')
    .option('--seconds <s>', 'time for measuring, for --live', '15');
  return withServingOptions(command)
    .optionsGroup('Output:')
    .option('--json', 'print data instead of text')
    .addHelpText('after', HELP)
    .action((files: string[], options: Options, command: Command) => {
      if (options.live) {
        refuseIgnored(
          command,
          SERVING_OPTIONS.filter((name) => name !== '--tolerance'),
          '--live is about the plan',
        );
        return checkPlan(files, options);
      }
      refuseIgnored(command, ['--plan', '--seconds'], 'without --live nothing is measured');
      return checkEngine(files, options);
    });
}

async function checkPlan(files: readonly string[], options: Options): Promise<void> {
  if (files.length > 0) throw new UsageError('--live measures; it reads no files');
  if (options.engine) throw new UsageError('--live is about the plan; leave --engine out');
  const seconds = parseAbove(options.seconds, '--seconds', 0);
  const tolerance = toleranceOf(options, LIVE_TOLERANCE);
  const holds = await checkLive({ plan: options.plan, seconds, tolerance, json: options.json === true });
  if (!holds) process.exitCode = 1;
}

async function checkEngine(files: string[], options: Options): Promise<void> {
  const { engine } = options;
  if (!engine)
    throw new UsageError(
      `name a serving engine: --engine ${ENGINE_NAMES.join(' or ')}; or check the plan: --live`,
    );
  if (files.length === 0) throw new UsageError('name files with measurements, or - for standard input');
  const set = await readMeasurements(files);
  for (const { source, message } of set.complaints) {
    console.error(`${source.file}:${source.line}: ${message}`);
  }
  const serving = servingOf(engine, options, set);
  const reports = serving.configs.map((config) => compare(set, config, serving));
  if (reports.every(({ comparisons }) => comparisons.length === 0)) {
    const why = reports.flatMap(({ notes }) => notes).join('; ');
    throw new CrossoverError(
      `nothing to check: no all_reduce or all_reduce_rms_norm at this world size and type${why && ` (${why})`}`,
    );
  }
  refuseNothing(reports, serving);
  refuseStep(reports, options);
  print(options, serving, reports);
  if (Math.max(...reports.map(worstPercent)) > serving.tolerance * 100) process.exitCode = 1;
}

/** Measurements of which none is of what the engine picks: no verdict, so no success either. */
function refuseNothing(reports: readonly Report[], { configs }: Serving): void {
  const all = reports.flatMap(({ comparisons }) => comparisons);
  if (!all.every(isUnknown)) return;
  const labels = [...new Set(all.flatMap(({ picks }) => picks.map(({ label }) => label)))];
  const { name, version } = configs[0]!.engine;
  throw new CrossoverError(
    `nothing to check: of what ${name} ${version} picks at these sizes nothing was measured (${labels.join('; ')}); measure that, or name the settings that it runs with`,
  );
}

/** Refuses a step that is too short for its collectives at every batch that is known. */
function refuseStep(reports: readonly Report[], { stepMs }: Options): void {
  const decoded = reports.flatMap(({ comparisons }) => comparisons.flatMap(({ decode }) => decode ?? []));
  const [first] = decoded.flatMap(({ tooLong }) => tooLong);
  if (first === undefined || decoded.some(({ losses }) => losses.length > 0)) return;
  throw new UsageError(
    `--step-ms is ${stepMs}; at batch ${first.batch} the collectives of a step alone take ${(first.collectivesUs / 1e3).toPrecision(3)} ms; use the time of a whole step`,
  );
}

function print({ json }: Options, { configs, notes, tolerance }: Serving, reports: readonly Report[]): void {
  const parts = configs.map((config, i) => ({ config, report: reports[i]! }));
  if (json) {
    const data = parts.map(({ config, report }) => ({
      engine: config.engine.name,
      version: config.engine.version,
      source: config.engine.source,
      deployment: config.deployment,
      settings: config.settings,
      backends: config.backends,
      tolerancePercent: tolerance * 100,
      ...report,
    }));
    process.stdout.write(`${JSON.stringify(data, null, 2)}\n`);
    return;
  }
  const texts = parts
    .filter(({ report }) => report.comparisons.length > 0)
    .map(({ config, report }) =>
      [engineTitle(config), ...report.comparisons.map(formatComparison)].join('\n\n'),
    );
  const known = [...new Set(notes)].map((note) => `note: ${note}`).join('\n');
  process.stdout.write(`${texts.join('\n\n')}${known && `\n\n${known}`}\n`);
}
