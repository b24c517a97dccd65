/**
 * @file Reads the table that vLLM's benchmark_device_communicators.py prints. Its columns have fixed widths and its cells spaces in them, so
 * rows are cut where the head's names begin; a row that does not fit them was wrapped or had its spaces changed, and is not read.
 */
import { type LineFormat, quoted, type Sink } from './format.ts';
import { dtypeName, elementBytes, fromMilliseconds, isMegabytes } from './values.ts';

/** Names of communicators in both forms of the benchmark's output. */
const COMMUNICATORS: Readonly<Record<string, string>> = {
  ca_1stage: 'vllm_custom_1stage',
  ca_2stage: 'vllm_custom_2stage',
  flashinfer_trtllm: 'flashinfer_trtllm',
  flashinfer_mnnvl: 'flashinfer_mnnvl',
  pynccl: 'nccl',
  'pynccl-symm': 'nccl_symmetric',
  symm_mem_multimem: 'torch_symm_mem_multimem',
  symm_mem_two_shot: 'torch_symm_mem_two_shot',
};

/** The algorithm of a communicator; those of newer versions keep their names. */
export function communicatorAlgorithm(name: string): string {
  return Object.hasOwn(COMMUNICATORS, name) ? COMMUNICATORS[name]! : name;
}

interface Column {
  readonly name: string;
  readonly from: number;
  /** Undefined for the last. */
  readonly to: number | undefined;
}

const TITLE = /^Device Communicator Benchmark Results\s*$/;
const ABOUT = /^World Size: (\d+), Data Type: ([\w.]+), Hidden Size: (\d+)\s*$/;
const HEAD = /^Tensor Shape\s+Tensor Size\s/;
const SHAPE = /^\((\d+), (\d+)\)$/;
const MEANT = /^\s*\(\d+,/;
const RULE = /^[-=]{3,}\s*$/;
const LEGEND = /^(?:All times are in milliseconds|Speedup column shows:)/;
const TIME = /^\d+\.\d+$/;

export class VllmDeviceCommunicators implements LineFormat {
  readonly name = 'vLLM benchmark_device_communicators table';
  readonly #sink: Sink;
  #about: { worldSize: number; dtype: string; hidden: number } | undefined;
  #columns: readonly Column[] | 'unusable' | undefined;

  constructor(sink: Sink) {
    this.#sink = sink;
  }

  line(text: string, number: number): boolean {
    if (TITLE.test(text)) {
      this.#sink.recognised(this.name);
      this.end();
      return true;
    }
    const about = ABOUT.exec(text);
    if (about !== null) {
      this.#columns = undefined;
      this.#about = { worldSize: Number(about[1]), dtype: dtypeName(about[2]!), hidden: Number(about[3]) };
      return true;
    }
    if (HEAD.test(text)) {
      this.#sink.recognised(this.name);
      this.#columns = this.#head(text, number);
      return true;
    }
    if (this.#columns === undefined) return false;
    if (LEGEND.test(text)) {
      this.end();
      return true;
    }
    if (RULE.test(text)) return true;
    if (!MEANT.test(text)) return false;
    if (this.#columns !== 'unusable') {
      const problem = this.#row(text, number, this.#columns);
      if (problem !== undefined) this.#sink.complain(number, `${quoted(text)}: ${problem}`);
    }
    return true;
  }

  end(): void {
    this.#about = undefined;
    this.#columns = undefined;
  }

  #head(text: string, number: number): readonly Column[] | 'unusable' {
    const refuse = (why: string): 'unusable' => {
      this.#sink.complain(number, `this table is not read: ${why}`);
      return 'unusable';
    };
    if (this.#about === undefined) {
      return refuse('no line "World Size: ..., Data Type: ..., Hidden Size: ..." above it');
    }
    // Names have single spaces in them, and two or more between them.
    const names = [...text.trimEnd().matchAll(/\S+(?: \S+)*/g)];
    const columns = names.map(({ 0: name, index }, i) => ({ name, from: index, to: names[i + 1]?.index }));
    const last = columns.at(-1)!.name;
    if (columns[1]?.name !== 'Tensor Size' || !last.startsWith('Best ') || columns.length < 4) {
      return refuse('its columns cannot be told apart; expected them as they were printed, spaces included');
    }
    return columns;
  }

  /** What is wrong with a row, or undefined when it was read. */
  #row(text: string, number: number, columns: readonly Column[]): string | undefined {
    const { worldSize, dtype, hidden } = this.#about!;
    // A cell that reaches into the next column was moved there.
    const moved = columns.some(({ from }) => from > 0 && (text[from - 1] ?? ' ') !== ' ');
    const cells = columns.map(({ from, to }) => text.slice(from, to).trim());
    const shape = SHAPE.exec(cells[0]!);
    const size = /^(\d+\.\d\d) MB$/.exec(cells[1]!);
    const best = cells.at(-1)!;
    if (moved || shape === null || size === null || best === '') {
      return 'the cells are not where the head says; expected the row as it was printed, spaces included';
    }
    const bytes = Number(shape[1]) * hidden * (elementBytes(dtype) ?? Number.NaN);
    if (Number(shape[2]) !== hidden || !isMegabytes(bytes, size[1]!)) {
      return `not ${size[1]} MB of ${dtype} in rows of ${hidden}`;
    }
    const times = columns.slice(2, -1).map(({ name }, i) => ({ name, cell: cells[i + 2]! }));
    const wrong = times.find(({ cell }) => cell !== 'N/A' && !TIME.test(cell));
    if (wrong !== undefined) return `${quoted(wrong.cell)} for ${wrong.name}; expected ms or N/A`;
    for (const { name, cell } of times) {
      if (cell === 'N/A') continue;
      const algorithm = communicatorAlgorithm(name);
      const us = fromMilliseconds(Number(cell));
      this.#sink.measured(
        { operation: 'all_reduce', algorithm, bytes, dtype, worldSize, mode: 'replay', us },
        number,
      );
    }
    return undefined;
  }
}
