/**
 * @file Reads what the programs of nccl-tests print, of all versions: columns are found by the names in the table's head. Every row says
 * its bandwidths beside its times, so a row that was cut, wrapped or put together from two does not add up, and is not read.
 */
import type { Mode } from '../../operations.ts';
import type { MeasuredOperation } from '../measurement.ts';
import { type Found, type LineFormat, quoted, type Sink } from './format.ts';
import {
  algorithmOf,
  candidates,
  countFits,
  operationOf,
  PROGRAM,
  rateProblem,
  type Shape,
} from './nccl-tests-rows.ts';
import { dtypeName, ncclVersion } from './values.ts';

interface Run {
  program?: string;
  algorithm: string;
  /** Threads times GPUs of one process. */
  local?: number;
  replay?: boolean;
  /** Ranks of each group: with several, each is a communicator of its own. */
  readonly groups: Map<string, Set<number>>;
  /** What the rows were read as where no line names the program; null where that could not be told. */
  guess?: MeasuredOperation | null;
  complainedOfRanks?: boolean;
}

interface Columns {
  readonly names: readonly string[];
  /** Where each group of time and bandwidths begins: out of place, in place. */
  readonly times: readonly number[];
}

const VERSION = /^# nccl-tests version (\S+) nccl-headers=\d+ nccl-library=(\d+)/;
const STARTING = /^# Collective test starting: (\w+?)_perf\b/;
const CONFIG = /^#\s*nThread\s+(\d+)\s+nGpus\s+(\d+)\s+minBytes\b/;
const DEVICE =
  /^#\s+Rank\s+(\d+)\s+(?:Group\s+(\d+)\s+)?Pid\s+\d+ on\s+\S+ device\s+\d+ \[[^\]]*\]\s*(\S.*)?$/;
const HEAD = /^#\s+size\s+count\b/;
const OUT_OF_BOUNDS = /^# Out of bounds values\s*:\s*(\d+)\s+(OK|FAILED)/;
const LAST = /^# (?:Avg bus bandwidth\s*:|Collective test concluded:)/;
const NCCL = /\bNCCL version (\d+\.\d+\.\d+)/;
const ROW = /^\s*\d+\s+\d+\s+[A-Za-z]/;
/** A row outside of any table: only what cannot be anything else. */
const STRAY =
  /^\s*\d+\s+\d+\s+(?:float|half|double|bfloat16|u?int(?:8|32|64)|f8e\dm\d|fp8_\w+)(?:\s+\S+){5,}\s*$/;
/** The rest of a row that was wrapped. */
const NUMBERS = /^\s*(?:(?:\d[\d.]*(?:e[+-]?\d+)?|N\/A|-1)\s+){2,}(?:\d[\d.]*(?:e[+-]?\d+)?|N\/A)\s*$/i;
const TIMESTAMP = /(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)/;
const WHOLE = /^\d+$/;

export class NcclTestsText implements LineFormat {
  readonly name = 'nccl-tests text';
  readonly #sink: Sink;
  #command: { program: string; args: readonly string[] } | undefined;
  #run: Run | undefined;
  /** `unusable` after a head that cannot be read: its rows are nobody else's. */
  #columns: Columns | 'unusable' | undefined;

  constructor(sink: Sink) {
    this.#sink = sink;
  }

  line(text: string, number: number): boolean {
    if (text.startsWith('#')) return this.#comment(text, number);
    if (this.#columns !== undefined && (ROW.test(text) || NUMBERS.test(text))) {
      if (this.#columns !== 'unusable') this.#row(text, number, this.#columns);
      return true;
    }
    if (STRAY.test(text)) {
      this.#sink.recognised(this.name);
      this.#sink.complain(number, `${quoted(text)} is a row of nccl-tests with no head of a table above it`);
      return true;
    }
    const version = NCCL.exec(text);
    if (version !== null) this.#sink.fact('nccl', version[1]!, number);
    const command = text.includes('_perf') ? PROGRAM.exec(text) : null;
    if (command === null) return false;
    this.#command = { program: command[1]!, args: command[2]!.trim().split(/\s+/) };
    return operationOf(command[1]!) !== undefined;
  }

  end(): void {
    this.#columns = undefined;
    this.#run = undefined;
    this.#command = undefined;
  }

  #comment(text: string, number: number): boolean {
    if (HEAD.test(text)) {
      this.#sink.recognised(this.name);
      this.#columns = this.#head(text, number);
      return true;
    }
    const device = DEVICE.exec(text);
    if (device !== null) {
      this.#device(Number(device[1]), device[2] ?? '0', device[3], number);
      return true;
    }
    const config = CONFIG.exec(text);
    if (config !== null) {
      this.#sink.recognised(this.name);
      const run = this.#run?.local === undefined && this.#run?.groups.size === 0 ? this.#run : this.#begin();
      run.local = Number(config[1]) * Number(config[2]);
      run.replay = Number(/\bgraph: (\d+)/.exec(text)?.[1] ?? 0) > 0;
      return true;
    }
    const version = VERSION.exec(text);
    const starting = STARTING.exec(text);
    if (version !== null) {
      this.#sink.fact('nccl_tests', version[1]!, number);
      const library = ncclVersion(Number(version[2]));
      if (library !== undefined) this.#sink.fact('nccl', library, number);
      this.#begin();
      return true;
    }
    if (starting !== null) {
      const begun = this.#run !== undefined && this.#run.groups.size === 0 && this.#columns === undefined;
      const run = begun ? this.#run! : this.#begin();
      run.program = starting[1]!;
      return true;
    }
    const bounds = OUT_OF_BOUNDS.exec(text);
    if (bounds?.[2] === 'FAILED') {
      this.#sink.complain(
        number,
        `the run above failed its check: ${bounds[1]} results were wrong; its times were read all the same`,
      );
    }
    if (LAST.test(text)) {
      this.#columns = undefined;
      this.#run = undefined;
      return true;
    }
    return bounds !== null;
  }

  /** A run begins: the command line above it is its own, and no later one's. */
  #begin(): Run {
    const command = this.#command;
    this.#command = undefined;
    this.#columns = undefined;
    this.#run = { algorithm: algorithmOf(command?.args ?? []), groups: new Map() };
    if (command !== undefined) this.#run.program = command.program;
    return this.#run;
  }

  #device(rank: number, group: string, gpu: string | undefined, number: number): void {
    const known = this.#run?.groups.get(group);
    const run = this.#run === undefined || known?.has(rank) ? this.#begin() : this.#run;
    const ranks = run.groups.get(group) ?? new Set();
    run.groups.set(group, ranks.add(rank));
    this.#columns = undefined;
    if (gpu !== undefined) this.#sink.fact('gpu', gpu.trim(), number);
  }

  #head(text: string, number: number): Columns | 'unusable' {
    const names = text.replace(/^#\s*/, '').trim().split(/\s+/);
    const times = names.flatMap((name, i) => (name === 'time' ? [i] : []));
    if (names.includes('cputime')) {
      this.#sink.complain(
        number,
        'the table has times of the CPU (-C), not of operations; run without -C to have these',
      );
      return 'unusable';
    }
    const whole = times.every((i) => names[i + 1] === 'algbw' && names[i + 2] === 'busbw');
    if (times.length === 0 || times.length > 2 || !whole || names[2] !== 'type') {
      this.#sink.complain(
        number,
        `${quoted(text)} is no whole head of a table; expected size, count, type, ..., and twice time, algbw, busbw`,
      );
      return 'unusable';
    }
    return { names, times };
  }

  /** Ranks of the run's communicator, or undefined, with a complaint once a run. */
  #worldSize(run: Run, number: number): number | undefined {
    const sizes = [...run.groups.values()].map((ranks) => ranks.size);
    const listed = sizes.length === 0 ? undefined : Math.max(...sizes);
    const total = sizes.reduce((sum, size) => sum + size, 0);
    const broken =
      listed !== undefined && run.local !== undefined && total % run.local !== 0
        ? `${total} lines of devices, but ${run.local} GPUs a process`
        : undefined;
    const worldSize = listed ?? this.#sink.defaults.worldSize ?? run.local;
    if (worldSize !== undefined && broken === undefined) return worldSize;
    if (!run.complainedOfRanks) {
      const why = broken ?? 'no lines "#  Rank  0 ..." above';
      this.#sink.complain(
        number,
        `how many ranks ran cannot be told (${why}); the rows of this table are not read`,
      );
      run.complainedOfRanks = true;
    }
    return undefined;
  }

  #row(text: string, number: number, { names, times }: Columns): void {
    const fields = text.replace(TIMESTAMP, '$1T$2').trim().split(/\s+/);
    if (fields.length !== names.length) {
      this.#sink.complain(
        number,
        `${fields.length} columns, expected ${names.length} (${names.slice(0, 6).join(' ')} ...)`,
      );
      return;
    }
    const field = (name: string): string | undefined => fields[names.indexOf(name)];
    const root = field('root');
    const shape: Shape = {
      bytes: Number(fields[0]),
      count: Number(fields[1]),
      dtype: dtypeName(fields[2]!),
      redop: field('redop'),
      root: root === undefined ? undefined : Number(root),
    };
    if (!WHOLE.test(fields[0]!) || !WHOLE.test(fields[1]!) || Number.isNaN(shape.root ?? 0)) {
      this.#sink.complain(number, `${quoted(text)} has no whole numbers for size, count and root`);
      return;
    }
    this.#run ??= this.#begin();
    const worldSize = this.#worldSize(this.#run, number);
    if (worldSize === undefined) return;
    if (!countFits(shape, worldSize)) {
      this.#sink.complain(
        number,
        `size ${shape.bytes} is not ${shape.count} elements of ${fields[2]}, or so many for each of ${worldSize} ranks`,
      );
      return;
    }
    const operation = this.#operation(this.#run, shape, worldSize, number);
    if (operation === undefined) return;
    const { algorithm, replay } = this.#run;
    const mode: Mode | undefined = replay === undefined ? undefined : replay ? 'replay' : 'eager';
    for (const [i, at] of times.entries()) {
      const inPlace = times.length === 1 ? undefined : i === 1;
      const common = {
        operation,
        algorithm,
        bytes: shape.bytes,
        dtype: shape.dtype,
        worldSize,
        mode,
        inPlace,
      };
      this.#time(fields.slice(at, at + 4), names[at + 3] === '#wrong', common, number);
    }
  }

  #time(fields: readonly string[], counted: boolean, common: Omit<Found, 'us'>, number: number): void {
    const [time, algbw, busbw, wrong] = fields as [string, string, string, string | undefined];
    if (time === 'N/A') return;
    const { inPlace } = common;
    const which = inPlace === undefined ? '' : inPlace ? ' in place' : ' out of place';
    const problem = rateProblem(common, time, algbw, busbw);
    if (problem !== undefined) {
      this.#sink.complain(number, `the time${which}: ${problem}`);
      return;
    }
    if (counted && Number(wrong) > 0) {
      this.#sink.complain(number, `${wrong} results${which} were wrong; the time was read all the same`);
    }
    const { operation, algorithm, bytes, dtype, worldSize, mode } = common;
    const us = Number(time);
    this.#sink.measured({ operation, algorithm, bytes, dtype, worldSize, mode, inPlace, us }, number);
  }

  #operation(run: Run, shape: Shape, worldSize: number, number: number): MeasuredOperation | undefined {
    if (run.program !== undefined) {
      const operation = operationOf(run.program);
      if (operation === undefined && run.guess === undefined) {
        run.guess = null;
        this.#sink.complain(number, `${run.program}_perf is none of the programs whose operations are known`);
      }
      return operation;
    }
    if (run.guess === undefined) {
      const fitting = candidates(shape, worldSize);
      const wanted = this.#sink.defaults.operation;
      run.guess = fitting.includes(wanted) ? wanted : fitting.length === 1 ? fitting[0]! : null;
      const which =
        run.guess === null
          ? `it may be ${fitting.join(' or ') || 'none'}, and is not read; name it with --operation`
          : `by its columns it is ${run.guess}`;
      this.#sink.complain(number, `no line above says which program printed this table; ${which}`);
    }
    return run.guess ?? undefined;
  }
}
