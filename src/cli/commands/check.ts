/**
 * @file `crossover check`: measurements against the settings of a serving engine. What it picks by size, what that loses, and what to set.
 */
import { Command, Option } from 'commander';
import { CrossoverError } from '../../errors.ts';
import { compare, type Report, worstPercent } from '../../interop/compare.ts';
import { ENGINE_NAMES, type ServingEngineName } from '../../interop/engines/find.ts';
import { readMeasurements } from '../../interop/read/index.ts';
import { engineTitle, formatComparison } from '../../report/check-tables.ts';
import {
  type Serving,
  type ServingOptions,
  servingOf,
  VERSIONS_HELP,
  withServingOptions,
} from '../serving-options.ts';

interface Options extends ServingOptions {
  engine: ServingEngineName;
  json?: boolean;
}

const HELP = `
Versions that are described: ${VERSIONS_HELP}

Examples:
  Is the fusion cap right here?
    $ crossover check --engine vllm --gpu H200 --tp 8 fused_collective.txt
  What does a backend cost that did not come up?
    $ crossover check --engine vllm --gpu H100 --tp 8 --backends CUSTOM,PYNCCL communicators.json
  In percent of decode throughput
    $ crossover check --engine vllm --gpu H200 --tp 8 --model qwen3-30b-a3b --step-ms 9.5 *.json

Exit code 1 when a setting would be faster somewhere by more than --tolerance.
`;

export function checkCommand(): Command {
  const command = new Command('check')
    .description('compare measurements with what a serving engine would pick')
    .argument('<files...>', 'measurements of any format that "crossover import" reads; - is standard input')
    .addOption(
      new Option('--engine <name>', 'serving engine').choices([...ENGINE_NAMES]).makeOptionMandatory(),
    );
  return withServingOptions(command)
    .optionsGroup('Output:')
    .option('--json', 'print data instead of text')
    .addHelpText('after', HELP)
    .action(async (files: string[], options: Options) => {
      const set = await readMeasurements(files);
      for (const { source, message } of set.complaints) {
        console.error(`${source.file}:${source.line}: ${message}`);
      }
      const serving = servingOf(options.engine, options, set);
      const reports = serving.configs.map((config) => compare(set, config, serving));
      if (reports.every(({ comparisons }) => comparisons.length === 0)) {
        const why = reports.flatMap(({ notes }) => notes).join('; ');
        throw new CrossoverError(
          `nothing to check: no all_reduce or all_reduce_rms_norm at this world size and type${why && ` (${why})`}`,
        );
      }
      print(options, serving, reports);
      if (Math.max(...reports.map(worstPercent)) > serving.tolerance * 100) process.exitCode = 1;
    });
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
