/**
 * @file `crossover export`: measurements as settings of a serving engine, or as a tuning table of NCCL or MSCCL++. What cannot be expressed there
 * is said: in comments where the format has them, on standard error where it has none.
 */
import { Command, Option } from 'commander';
import { CrossoverError } from '../../errors.ts';
import { writeWhole } from '../../files/write-whole.ts';
import { compare } from '../../interop/compare.ts';
import { exportMscclpp } from '../../interop/export/mscclpp.ts';
import { exportNcclTuner, type TableExport } from '../../interop/export/nccl-tuner.ts';
import { exportServing } from '../../interop/export/serving.ts';
import type { MeasurementSet } from '../../interop/measurement.ts';
import { readMeasurements } from '../../interop/read/index.ts';
import { refuseIgnored } from '../ignored.ts';
import { checkOutput, UsageError } from '../options.ts';
import {
  SERVING_OPTIONS,
  type ServingOptions,
  servingOf,
  VERSIONS_HELP,
  withServingOptions,
} from '../serving-options.ts';

const TARGETS = ['vllm', 'sglang', 'nccl-tuner', 'mscclpp'] as const;

interface Options extends ServingOptions {
  for: (typeof TARGETS)[number];
  output?: string;
}

const HELP = `
Versions that are described: ${VERSIONS_HELP}

Examples:
  Settings for vLLM, to be sourced by a shell
    $ crossover export --for vllm --gpu B300 --tp 8 fused_collective.txt communicators.json
  A table for NCCL's example tuner plugin, from measurements named nccl:ring/ll128
    $ crossover export --for nccl-tuner -o nccl_tuner.conf measurements.json
`;

export function exportCommand(): Command {
  const command = new Command('export')
    .description('write settings or tuning tables for other programs')
    .argument('<files...>', 'measurements of any format that "crossover import" reads; - is standard input')
    .addOption(new Option('--for <what>', 'program').choices([...TARGETS]).makeOptionMandatory())
    .option('-o, --output <file>', 'where to write (standard output)');
  return withServingOptions(command)
    .addHelpText('after', HELP)
    .action(async (files: string[], options: Options, command: Command) => {
      refuseIgnored(command, ...ignoredBy(options.for));
      if (options.output !== undefined) checkOutput(options.output, '-o');
      const set = await readMeasurements(files);
      for (const { source, message } of set.complaints) {
        console.error(`${source.file}:${source.line}: ${message}`);
      }
      const { text, aside } = exported(options, set);
      for (const line of aside) console.error(`not expressible: ${line}`);
      if (options.output === undefined) process.stdout.write(`${text}\n`);
      else writeWhole(options.output, `${text}\n`);
    });
}

/** Options that a target has no use for, and why. */
function ignoredBy(target: Options['for']): [ignored: readonly string[], why: string] {
  if (target === 'vllm' || target === 'sglang')
    return [['--step-ms'], 'settings are the same for any time of a step ("crossover check" tells shares)'];
  const used = target === 'mscclpp' ? ['--gpu'] : [];
  return [SERVING_OPTIONS.filter((name) => !used.includes(name)), `--for ${target} writes what was measured`];
}

/** The text, and what goes to standard error because the format has no comments of its own for it. */
function exported(options: Options, set: MeasurementSet): { text: string; aside: readonly string[] } {
  if (options.for === 'nccl-tuner') return tableOf(exportNcclTuner(set));
  if (options.for === 'mscclpp') return tableOf(exportMscclpp(set, options.gpu ?? set.host.gpu));
  const { configs, notes, ...rest } = servingOf(options.for, options, set);
  const [config] = configs;
  if (config === undefined || configs.length > 1) {
    const sizes = configs.map(({ deployment }) => deployment.worldSize).join(', ');
    throw new UsageError(`--tp is missing: settings are for one world size; measured are ${sizes || 'none'}`);
  }
  const { comparisons, notes: leftOut } = compare(set, config, rest);
  if (comparisons.length === 0)
    throw new CrossoverError(
      `nothing to export: no all_reduce or all_reduce_rms_norm at this world size and type${leftOut.length > 0 ? ` (${leftOut.join('; ')})` : ''}`,
    );
  const { text } = exportServing(set, config, rest);
  return { text: [text, ...notes.map((note) => `# note: ${note}`)].join('\n'), aside: [] };
}

/** A table without a line would replace one that has some. */
function tableOf({ text, notExpressible, nothing }: TableExport): { text: string; aside: readonly string[] } {
  if (nothing !== undefined) throw new CrossoverError(`nothing to export: ${nothing}`);
  return { text, aside: notExpressible };
}
