/**
 * @file `crossover import`: reads measurements of others, from logs and tables as they were printed, into one form that the other commands read.
 */
import { Command } from 'commander';
import { CrossoverError } from '../../errors.ts';
import { writeWhole } from '../../files/write-whole.ts';
import {
  MEASURED_OPERATIONS,
  type MeasuredOperation,
  type MeasurementSet,
} from '../../interop/measurement.ts';
import { FORMATS, readMeasurements } from '../../interop/read/index.ts';
import { formatMeasurements } from '../../report/measurement-tables.ts';
import { checkOutput, parseName, parseWhole } from '../options.ts';

interface Options {
  output?: string;
  operation: MeasuredOperation;
  ranks?: string;
  json?: boolean;
}

const HELP = `
Reads, recognised by their content, and also several of them in one file:
${FORMATS.map((format) => `  ${format}`).join('\n')}

Examples:
  $ ./all_reduce_perf -b 1K -e 64M -f 2 -g 4 | crossover import -
  $ crossover import nccl.txt vllm.json own.csv -o measurements.json

Exit code 1 when a file has nothing that can be read; the others are read all the same.
`;

export function importCommand(): Command {
  return new Command('import')
    .description("read others' measurements: logs and tables of nccl-tests, vLLM, FlashInfer, or one's own")
    .argument('<files...>', 'what to read; - is standard input')
    .option('-o, --output <file>', 'where to write the measurements, as JSON')
    .option('--operation <name>', 'of what does not say which operation it timed', 'all_reduce')
    .option('--ranks <n>', 'world size of what does not say how many ranks there were')
    .option('--json', 'print the measurements as data instead of tables')
    .addHelpText('after', HELP)
    .action(run);
}

async function run(files: readonly string[], options: Options): Promise<void> {
  if (options.output !== undefined) checkOutput(options.output, '--output');
  const failures: string[] = [];
  const set = await readMeasurements(files, {
    operation: parseName(options.operation, '--operation', MEASURED_OPERATIONS),
    worldSize: options.ranks === undefined ? undefined : parseWhole(options.ranks, '--ranks', 1, 1024),
    onFailure: (_, error) => failures.push(error.message),
  });
  const text = `${JSON.stringify(set, null, 1)}\n`;
  process.stdout.write(options.json ? text : `${formatMeasurements(set)}\n`);
  if (options.output !== undefined) writeWhole(options.output, text);
  failures.push(...emptyFiles(set).map((file) => `${file} has no measurement that can be read`));
  const last = failures.pop();
  for (const failure of failures) console.error(`error: ${failure}`);
  if (last !== undefined) throw new CrossoverError(last);
}

/** Files of a known format that nothing was read from. */
function emptyFiles({ files, measurements, matrices }: MeasurementSet): string[] {
  const read = new Set([...measurements, ...matrices].map(({ source }) => source.file));
  return files.flatMap(({ file, formats }) =>
    // The measurements of a set keep the places where they were first read.
    read.has(file) || (formats.includes('crossover import') && read.size > 0) ? [] : [file],
  );
}
