/**
 * @file Reads other people's measurements: any number of files, each of any known format, or of several pasted one after another.
 */
import { CrossoverError } from '../../errors.ts';
import type { MeasuredOperation, MeasurementSet } from '../measurement.ts';
import { Csv } from './csv.ts';
import { type LineFormat, quoted } from './format.ts';
import { JsonLines } from './json.ts';
import { bare, readLines } from './lines.ts';
import { NcclTestsText } from './nccl-tests.ts';
import type { SetSink } from './own-json.ts';
import { P2PBandwidthLatencyTest } from './p2p-lines.ts';
import { resultRefusal } from './results.ts';
import { Collector, type FileSink } from './sink.ts';
import { VllmCustomAllReduce } from './vllm-custom-all-reduce.ts';
import { VllmDeviceCommunicators } from './vllm-device-communicators.ts';
import { VllmFusedCollective } from './vllm-fused-collective.ts';

/** What can be read, as it is named to people. */
export const FORMATS: readonly string[] = [
  'nccl-tests, text and JSON (-J)',
  "vLLM's benchmark_device_communicators, JSON and text",
  "vLLM's benchmark_fused_collective, text and markdown",
  "vLLM's custom_all_reduce_test",
  'p2pBandwidthLatencyTest',
  'CSV with a head (operation,algorithm,bytes,dtype,world_size,hidden,quantization,mode,us,spread)',
  'JSON with the same fields, or written by "crossover import"',
  'crossover\'s plans, "crossover bench --json", bench/gpu.mjs',
];

export interface ReadOptions {
  /** Of what does not say which operation it timed. `all_reduce` by default. */
  readonly operation?: MeasuredOperation | undefined;
  /** Ranks of what does not say how many there were. None by default: such measurements are complaints. */
  readonly worldSize?: number | undefined;
  /** Called for a file that nothing can be read from; the others are read all the same. Without it, that is thrown. */
  readonly onFailure?: ((file: string, error: CrossoverError) => void) | undefined;
}

/** Longest line of text that is looked at; longer ones are JSON, or nothing. */
const LONGEST_TEXT = 4096;

/**
 * Reads measurements from files; `-` is standard input. What cannot be read of a file is a complaint in the set.
 * @throws CrossoverError for a file that cannot be opened or is of no known format, unless `onFailure` takes it
 */
export async function readMeasurements(
  paths: readonly string[],
  options: ReadOptions = {},
): Promise<MeasurementSet> {
  const { operation = 'all_reduce', worldSize, onFailure } = options;
  const collector = new Collector({ operation, worldSize });
  for (const path of paths) {
    try {
      const reader = new Reader(collector, path);
      await readLines(path, (text, number) => reader.line(text, number));
      reader.end();
    } catch (error) {
      if (!(error instanceof CrossoverError) || onFailure === undefined) throw error;
      onFailure(path, error);
    }
  }
  return collector.set();
}

/**
 * Reads measurements from text, as from a file of that name.
 * @throws CrossoverError when the text is of no known format
 */
export function readMeasurementText(
  text: string,
  options: Omit<ReadOptions, 'onFailure'> & { readonly file?: string } = {},
): MeasurementSet {
  const { operation = 'all_reduce', worldSize, file = '-' } = options;
  const collector = new Collector({ operation, worldSize });
  const reader = new Reader(collector, file);
  for (const [i, line] of text.split('\n').entries()) reader.line(bare(line), i + 1);
  reader.end();
  return collector.set();
}

/** In the order in which lines are offered: within JSON nothing else is looked for, and CSV takes what nobody else does. */
function makeFormats(sink: SetSink): LineFormat[] {
  return [
    new JsonLines(sink),
    new NcclTestsText(sink),
    new VllmCustomAllReduce(sink),
    new VllmDeviceCommunicators(sink),
    new VllmFusedCollective(sink),
    new P2PBandwidthLatencyTest(sink),
    new Csv(sink),
  ];
}

/** What one file turns out to be, line by line. */
class Reader {
  readonly #collector: Collector;
  readonly #file: string;
  readonly #sink: FileSink;
  readonly #formats: readonly LineFormat[];
  #owner: LineFormat | undefined;
  #first: string | undefined;

  constructor(collector: Collector, file: string) {
    this.#collector = collector;
    this.#file = file;
    this.#sink = collector.file(file);
    this.#formats = makeFormats(this.#sink);
  }

  line(text: string, number: number): void {
    if (this.#first === undefined && text.trim() !== '') this.#first = quoted(text.slice(0, 400));
    const some = text.length <= LONGEST_TEXT ? this.#formats : this.#formats.slice(0, 1);
    const taker = some.find((format) => format.line(text, number));
    if (taker === undefined || taker === this.#owner) return;
    // Tables do not go on below another program's output.
    for (const format of this.#formats) if (format !== taker) format.end();
    this.#owner = taker;
  }

  end(): void {
    for (const format of this.#formats) format.end();
    if (this.#sink.formats.size === 0) {
      this.#collector.forget(this.#file);
      const { command } = this.#sink;
      if (command !== undefined) throw new CrossoverError(`${this.#file} ${resultRefusal(command)}`);
      throw unknownFormat(this.#file, this.#first, this.#sink.first);
    }
    this.#sink.end();
    this.#collector.done(this.#file, [...this.#sink.formats]);
  }
}

/** A file of no format is nobody's measurements; one of a known format that holds none has complaints that say why. */
function unknownFormat(
  path: string,
  first: string | undefined,
  complaint: string | undefined,
): CrossoverError {
  const why = complaint === undefined ? '' : ` (${complaint})`;
  const found = first === undefined ? 'is empty' : `begins with ${first}, which is no known format${why}`;
  return new CrossoverError(
    `${path === '-' ? 'standard input' : path} ${found}; use one of: ${FORMATS.join('; ')}`,
  );
}
