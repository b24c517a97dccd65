/**
 * @file Reads what vLLM's benchmark_fused_collective.py prints and what it writes as markdown, of all versions: names as identifiers or as
 * titles, columns by spaces or by pipes, `seq_len` or `num_tokens`. It has speed-ups against one baseline only; they are not read.
 */
import type { Quantization } from '../../operations.ts';
import { type LineFormat, quoted, type Sink } from './format.ts';
import { dtypeName, elementBytes, fromMilliseconds, isMegabytes } from './values.ts';

/** What a table is of; a part that is absent has not been said yet. */
interface Configuration {
  tokens?: number;
  hidden?: number;
  dtype?: string;
  residual?: boolean;
  table?: boolean;
  /** Why rows are not read; it has been complained about. */
  unusable?: boolean;
}

const RUN = /^FlashInfer Fused Collective Operations Benchmark Results$/;
const WORLD = /^World Size: (\d+)$/;
const HIDDEN = /^Hidden Dimension: (\d+)$/;
const ABOUT = /^(?:Warmup Iterations|Benchmark Trials|Quantization Modes?): /;
const LOGGED_WORLD = /\bRunning benchmark with world_size=(\d+)\b/;
const CONFIGURATION = /^Configuration: (?:seq_len|num_tokens)=(\d+), dtype=([\w.]+), (with|no) residual$/;
const INPUT_SIZE = /^Input Size: (\d+(?:\.\d+)?) MB$/;
const RESULTS =
  /^Results: (?:seq_len|num_tokens)=(\d+), hidden_dim=(\d+) \(input size: (\d+(?:\.\d+)?) MB\)$/;
const RESULTS_OF = /^dtype=([\w.]+), residual=(yes|no), quant_modes?=[\w,]+$/;
/** A line that means to be one of those; within a run, and anywhere. */
const MEANT_WITHIN = /^(?:Configuration|Results|Input Size|World Size|Hidden Dimension):/;
const MEANT = /^(?:Configuration|Results): (?:seq_len|num_tokens|.*\bdtype=|.*\bhidden_dim=)/;
const HEAD = /^Operation\s+Time \(ms\)\s+Speedup$/;
const RULE = /^[-=:| ]{3,}$/;
const TIME = '\\d+(?:\\.\\d+)?(?:e[+-]?\\d+)?';
const ROW = new RegExp(`^(\\S.*?)\\s+(${TIME}|FAILED|N/A)\\s+(\\d+(?:\\.\\d+)?x|baseline|FAILED|N/A)$`, 'i');
const NAMED = /^(?:standard|flashinfer)[_ ]/i;

export class VllmFusedCollective implements LineFormat {
  readonly name = 'vLLM benchmark_fused_collective';
  readonly #sink: Sink;
  #worldSize: number | undefined;
  /** From the head of a run, where it has one. */
  #hidden: number | undefined;
  #now: Configuration | undefined;
  /** Of the input, MB, as the source printed it; checked when the type is known. */
  #size: string | undefined;

  constructor(sink: Sink) {
    this.#sink = sink;
  }

  line(raw: string, number: number): boolean {
    // Most lines of a log are none of ours; these are the letters that any of ours begins with.
    if (!/[:=|]|standard|flashinfer|Operation|\d(?:x|e)\b|FAILED|N\/A|[a-z] +\d/i.test(raw)) return false;
    const text = plain(raw);
    return this.#title(text, number) || this.#row(text, number);
  }

  end(): void {
    this.#worldSize = undefined;
    this.#hidden = undefined;
    this.#now = undefined;
  }

  #title(text: string, number: number): boolean {
    const logged = LOGGED_WORLD.exec(text);
    const world = WORLD.exec(text) ?? logged;
    if (RUN.test(text) || world !== null) {
      // Files are appended to, so a head may be that of another run.
      this.end();
      if (world !== null) this.#worldSize = Number(world[1]);
      return true;
    }
    const hidden = HIDDEN.exec(text);
    if (hidden !== null) {
      this.#hidden = Number(hidden[1]);
      return true;
    }
    if (ABOUT.test(text)) return this.#worldSize !== undefined || this.#hidden !== undefined;
    const configuration = CONFIGURATION.exec(text);
    if (configuration !== null) {
      this.#sink.recognised(this.name);
      const [, tokens, dtype, residual] = configuration as unknown as [string, string, string, string];
      this.#now = { tokens: Number(tokens), dtype: dtypeName(dtype), residual: residual === 'with' };
      this.#size = undefined;
      if (this.#hidden !== undefined) this.#now.hidden = this.#hidden;
      return true;
    }
    const results = RESULTS.exec(text);
    if (results !== null) {
      this.#sink.recognised(this.name);
      this.#now = { tokens: Number(results[1]), hidden: Number(results[2]) };
      this.#size = results[3];
      return true;
    }
    return this.#detail(text, number);
  }

  #detail(text: string, number: number): boolean {
    const now = this.#now;
    const size = INPUT_SIZE.exec(text);
    const of = RESULTS_OF.exec(text);
    const head = HEAD.test(text);
    if (now !== undefined && (size !== null || of !== null || head)) {
      // After a table, or for the second time, it belongs to a configuration whose line is missing.
      if (now.table === true || (of !== null && now.dtype !== undefined)) {
        this.#unusable(text, number, 'belongs to no configuration; expected a line that names it before');
        return true;
      }
      if (size !== null) this.#size = size[1];
      if (of !== null) {
        now.dtype = dtypeName(of[1]!);
        now.residual = of[2] === 'yes';
      }
      this.#checkSize(now, number);
      if (head) {
        now.table = true;
        this.#checkWhole(now, number);
      }
      return true;
    }
    const within = now !== undefined || this.#worldSize !== undefined || this.#hidden !== undefined;
    if (!(MEANT.test(text) || (within && MEANT_WITHIN.test(text))))
      return now !== undefined && RULE.test(text);
    if (/^World/.test(text)) this.#worldSize = undefined;
    if (/^Hidden/.test(text)) this.#hidden = undefined;
    this.#unusable(
      text,
      number,
      'cannot be read; expected such as "Configuration: num_tokens=128, dtype=bfloat16, with residual"',
    );
    return true;
  }

  /** Rows that follow belong to what cannot be told. */
  #unusable(text: string, number: number, why: string): void {
    if (this.#now?.unusable !== true) {
      this.#sink.recognised(this.name);
      this.#sink.complain(number, `${quoted(text)} ${why}`);
    }
    this.#now = { unusable: true };
  }

  #checkSize(now: Configuration, number: number): void {
    const bytes = bytesOf(now);
    if (now.unusable) return;
    if (bytes === undefined || this.#size === undefined || isMegabytes(bytes, this.#size)) return;
    now.unusable = true;
    this.#sink.complain(
      number,
      `${now.tokens} tokens of ${now.hidden} ${now.dtype} are not ${this.#size} MB; this table is not read`,
    );
  }

  #checkWhole(now: Configuration, number: number): void {
    if (now.unusable) return;
    const worldSize = this.#worldSize ?? this.#sink.defaults.worldSize;
    const missing = [
      now.hidden === undefined ? '"Hidden Dimension: ..."' : '',
      now.dtype === undefined ? '"dtype=..., residual=..."' : '',
      worldSize === undefined ? '"World Size: ..."; say it with --ranks' : '',
    ].filter((part) => part !== '');
    if (missing.length === 0 && bytesOf(now) !== undefined) return;
    now.unusable = true;
    const why =
      missing.length === 0 ? `the type ${now.dtype} is unknown` : `no line ${missing.join(' and ')}`;
    this.#sink.complain(number, `this table is not read: ${why}`);
  }

  #row(text: string, number: number): boolean {
    const now = this.#now;
    const row = ROW.exec(text);
    const named = NAMED.test(text);
    if (now?.table !== true && now?.unusable !== true) {
      // Lines that a log begins with "standard" are no rows; these are.
      if (row === null || !named || operationOf(identifier(row[1]!)) === undefined) return false;
      this.#sink.recognised(this.name);
      this.#sink.complain(number, `${quoted(text)} is a row with no head of a table above it`);
      return true;
    }
    if (row === null && !named) return false;
    if (now.unusable) return true;
    const operation = row === null ? undefined : operationOf(identifier(row[1]!));
    if (row === null || operation === undefined) {
      const what =
        row === null ? 'is no whole row; expected a name, a time and a speed-up' : 'has no known name';
      this.#sink.complain(number, `${quoted(text)} ${what}`);
      return true;
    }
    if (/^failed$/i.test(row[2]!)) {
      this.#sink.complain(number, `${row[1]} failed in the benchmark`);
    } else if (!/^N\/A$/i.test(row[2]!)) {
      this.#sink.measured(
        {
          operation: 'all_reduce_rms_norm',
          ...operation,
          bytes: bytesOf(now)!,
          dtype: now.dtype,
          worldSize: (this.#worldSize ?? this.#sink.defaults.worldSize)!,
          hidden: now.hidden,
          residual: now.residual,
          mode: 'replay',
          us: fromMilliseconds(Number(row[2])),
        },
        number,
      );
    }
    return true;
  }
}

/** Without what markdown puts around it. */
function plain(raw: string): string {
  const text = raw.trim();
  if (text.startsWith('|')) return text.replace(/^\|\s*|\s*\|$/g, '').replace(/\s*\|\s*/g, '  ');
  return text.replace(/^#+\s*/, '').replaceAll('**', '');
}

function bytesOf({ tokens, hidden, dtype }: Configuration): number | undefined {
  const size = dtype === undefined ? undefined : elementBytes(dtype);
  return tokens === undefined || hidden === undefined || size === undefined
    ? undefined
    : tokens * hidden * size;
}

function identifier(name: string): string {
  return name
    .trim()
    .toLowerCase()
    .replace(/[\s_]+/g, '_');
}

const QUANTIZATION: Readonly<Record<string, Quantization>> = { fp8: 'f8e4m3_static', fp4: 'nvfp4' };
const FLASHINFER =
  /^flashinfer_(?:(trtllm|mnnvl)_)?fused_allreduce_rmsnorm(?:_(fp8|fp4)_quant)?_(one|two)shot$/;
const WHOLE_NORM = /^standard_allreduce_rmsnorm(?:_(fp8|fp4)_quant)?(_native_compiled)?$/;
const PARTS =
  /^standard_allreduce_(native|custom)_rms_norm(?:_(native|custom)_quant_(fp8|fp4)|_(fp8|fp4)_quant)?$/;

/** What a row's name says. FlashInfer had one backend, trtllm, before it had several. */
function operationOf(name: string): { algorithm: string; quantization: Quantization } | undefined {
  const quantization = (what: string | undefined): Quantization =>
    what === undefined ? 'none' : QUANTIZATION[what]!;
  const fused = FLASHINFER.exec(name);
  if (fused !== null) {
    const [, backend = 'trtllm', quant, shots] = fused;
    return {
      algorithm: `flashinfer_${backend}_fused_${shots}_shot`,
      quantization: quantization(quant),
    };
  }
  const whole = WHOLE_NORM.exec(name);
  if (whole !== null) {
    return {
      algorithm: whole[2] === undefined ? 'unfused' : 'unfused_compiled',
      quantization: quantization(whole[1]),
    };
  }
  const parts = PARTS.exec(name);
  if (parts === null) return undefined;
  const [, norm, quant, fp8, fp4] = parts;
  // A norm of one kind beside a quantization of the other is a third thing, not a second measurement of either.
  const mixed = quant !== undefined && quant !== norm ? `_${norm}_norm_${quant}_quant` : '';
  const native = norm === 'native' ? '_native' : '';
  return { algorithm: `unfused${mixed || native}`, quantization: quantization(fp8 ?? fp4) };
}
