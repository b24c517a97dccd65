/**
 * @file `crossover report`: measurements and plans as one HTML page that works offline, and its charts as SVG files.
 */
import { mkdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { Command } from 'commander';
import { CrossoverError } from '../../errors.ts';
import { writeWhole } from '../../files/write-whole.ts';
import { FORMATS, readMeasurements } from '../../interop/read/index.ts';
import { resultCommand } from '../../interop/read/results.ts';
import { defaultPlanPath, loadPlan } from '../../plan/file.ts';
import type { Plan } from '../../plan/plan.ts';
import { assemblePage } from '../../report/page/assemble.ts';
import { hardwareInWords } from '../../report/page/hardware.ts';
import { renderPage } from '../../report/page/html.ts';
import { parseLosses } from '../../report/page/losses.ts';
import type { PageModel, ReportSource } from '../../report/page/model.ts';
import { formatBytes } from '../../units.ts';
import { isServeResult, readServeResult } from '../../workload/serve/result.ts';
import type { ServeSummary } from '../../workload/serve/summary.ts';
import { refuseIgnored } from '../ignored.ts';
import { checkOutput, UsageError } from '../options.ts';

interface Named extends ReportSource {
  /** The name with the folder. */
  readonly longer: string;
}

interface Options {
  plan?: string;
  compare?: string[];
  losses?: string;
  output: string;
  svg?: string;
  title?: string;
  json?: boolean;
}

/** Beyond this a page is slow to open and too large for most issue trackers. */
const LARGE_PAGE = 1_500_000;

const HELP = `
Reads plans, what "crossover serve-bench --json" prints, and what "crossover import" reads:
${FORMATS.map((format) => `  ${format}`).join('\n')}

Examples:
  The plan that is here, as a page
    $ crossover report
  Logs of one host on one page, with the plan's choices under the curves
    $ crossover report nccl.txt vllm.json --plan crossover-plan.json -o host.html
  Before and after, or two hosts: only what differs by more than the spreads is marked
    $ crossover report before.json --compare after.json
  With the sizes at which an engine's settings lose
    $ crossover check --engine vllm set.json --json >losses.json; crossover report set.json --losses losses.json
  The charts as SVG files, light and dark
    $ crossover report --svg charts
`;

export function reportCommand(): Command {
  return new Command('report')
    .description('write measurements and plans as one HTML page, and charts as SVG files')
    .argument('[files...]', 'plans, measurements and serving of one host; without any, the plan that is here')
    .option(
      '--plan <file>',
      'a plan whose choices are shown with the files ($CROSSOVER_PLAN, or crossover-plan.json)',
    )
    .option('--compare <files...>', 'beside the others, a set each: after a change, of another host')
    .option('--losses <file>', 'sizes at which a choice loses, as "crossover check --json" prints them')
    .option('-o, --output <file>', 'the page', 'crossover-report.html')
    .option('--svg <folder>', 'write the charts there, too, as SVG files')
    .option('--title <text>', "the page's title")
    .option('--json', "print the page's data instead of writing it")
    .addHelpText('after', HELP)
    .action(run);
}

async function run(files: readonly string[], options: Options, command: Command): Promise<void> {
  if (options.json) refuseIgnored(command, ['--output'], '--json prints the data and writes no page');
  else checkOutput(options.output, '--output');
  if (options.svg !== undefined) checkFolder(options.svg);
  const compared = options.compare ?? [];
  if ([...files, ...compared].filter((file) => file === '-').length > 1) {
    throw new UsageError('standard input (-) is named twice; it can be read once');
  }
  const sources: Named[] = [await firstSource(files, options.plan)];
  for (const file of compared) sources.push(await readSource([file], undefined));
  const losses = options.losses === undefined ? [] : parseLosses(read(options.losses), options.losses);
  const model = assemblePage({ title: options.title ?? titleOf(sources), sources: named(sources), losses });
  if (model.sections.length + model.matrices.length + model.serving.length === 0) {
    throw new CrossoverError('there is nothing to show: no measurement and no matrix could be read');
  }
  if (options.json) process.stdout.write(`${JSON.stringify(model, null, 1)}\n`);
  else writePage(model, options.output);
  if (options.svg !== undefined) await writeCharts(model, options.svg, options.json === true);
}

/** The files; without any, the plan. */
function firstSource(files: readonly string[], plan: string | undefined): Promise<Named> {
  return files.length > 0 ? readSource(files, plan) : readSource([], plan ?? defaultPlanPath());
}

async function readSource(files: readonly string[], planPath: string | undefined): Promise<Named> {
  const values = new Map(files.map((file) => [file, jsonOf(file)]));
  const plans = [
    ...(planPath === undefined ? [] : [planPath]),
    ...files.filter((file) => isPlan(values.get(file))),
  ];
  if (plans.length > 1) {
    throw new UsageError(
      `${plans.length} plans in one set (${plans.join(', ')}); use --compare for the others`,
    );
  }
  const decoded = files.find((file) => resultCommand(values.get(file)) === 'decode');
  if (decoded !== undefined) {
    throw new CrossoverError(
      `${decoded} is a result of crossover decode; report shows plans, measurements and results of serve-bench`,
    );
  }
  const served = files.filter((file) => isServeResult(values.get(file)));
  const serving = served.map((file): ServeSummary => readServeResult(values.get(file), file));
  const others = files.filter((file) => !plans.includes(file) && !served.includes(file));
  const plan: Plan | undefined = plans[0] === undefined ? undefined : loadPlan(plans[0], { force: true });
  const measurements = others.length === 0 ? undefined : await readMeasurements(others);
  const paths = files.length > 0 ? files : plans;
  const [name, longer] = [shortName, longerName].map((short) => paths.map(short).join(' + '));
  return { name: name!, longer: longer!, plan, measurements, serving };
}

/** A plan is read as one, with its choices; all other files are measurements. What cannot be read is said when it is. */
function isPlan(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'entries' in value && 'fingerprint' in value;
}

/** What a file holds as JSON; undefined for everything else. */
function jsonOf(file: string): unknown {
  if (file === '-') return undefined;
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

/** Sets whose files have one name, as `before/plan.json` and `after/plan.json`, are told apart by folders, or else numbered. */
function named(sources: readonly Named[]): ReportSource[] {
  const apart = (names: readonly string[]): boolean => new Set(names).size === names.length;
  const choices = (['name', 'longer'] as const).map((field) => sources.map((source) => source[field]));
  const names = choices.find(apart) ?? sources.map(({ name }, i) => `${name} (${i + 1})`);
  return sources.map(({ plan, measurements, serving }, i) => ({
    name: names[i]!,
    plan,
    measurements,
    serving,
  }));
}

function shortName(file: string): string {
  return file === '-' ? 'standard input' : basename(file).replace(/\.(json|txt|log|csv|md)$/i, '');
}

/** With the folder that the file is in. */
function longerName(file: string): string {
  return file === '-' ? shortName(file) : join(basename(dirname(resolve(file))), shortName(file));
}

function titleOf(sources: readonly ReportSource[]): string {
  const device = sources[0]?.plan?.fingerprint.device;
  const { gpu, device: other } = sources[0]?.measurements?.host ?? {};
  const served = sources[0]?.serving?.[0];
  const host = device?.gpus
    ? `${device.gpus}x ${device.name}`
    : (gpu ?? other ?? (served && hardwareInWords(served.device, served.host)));
  const only = sources.every(({ plan, measurements }) => plan === undefined && measurements === undefined);
  const name = only ? 'Serving' : 'Collectives';
  const what = sources.length > 1 ? `${name} compared` : name;
  return host === undefined || sources.length > 1 ? what : `${what} on ${host}`;
}

function writePage(model: PageModel, path: string): void {
  const page = renderPage(model);
  writeWhole(path, page);
  const bytes = Buffer.byteLength(page);
  const parts = [
    counted(model.sections.length + model.serving.length, 'section', 'sections'),
    counted(model.matrices.length, 'matrix', 'matrices'),
  ];
  console.log([`${path}: ${formatBytes(bytes)}`, ...parts.flat()].join(', '));
  if (bytes > LARGE_PAGE) console.error(`note: ${path} is large; fewer files make a smaller page`);
}

/** Nothing where there is none. */
function counted(count: number, one: string, many: string): string[] {
  return count === 0 ? [] : [`${count} ${count === 1 ? one : many}`];
}

/** That it cannot be made, as far as that is seen beforehand. */
function checkFolder(folder: string): void {
  const info = statSync(folder, { throwIfNoEntry: false });
  if (info !== undefined && !info.isDirectory())
    throw new UsageError(`--svg is "${folder}", which is no folder; name one, which is made if need be`);
}

async function writeCharts(model: PageModel, folder: string, quiet: boolean): Promise<void> {
  // Loaded when needed: ECharts takes longer to load than everything else here together.
  const { renderSvgFiles } = await import('../../report/page/svg.ts');
  const files = renderSvgFiles(model);
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw new CrossoverError(`cannot make ${folder}: ${(error as Error).message}`, { cause: error });
  }
  for (const { name, text } of files) writeWhole(join(folder, name), text);
  if (!quiet) console.log(`${folder}: ${files.length} SVG files`);
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new CrossoverError(`cannot read ${path}: ${(error as Error).message}`, { cause: error });
  }
}
