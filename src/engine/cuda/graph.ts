/**
 * @file A recording: a CUDA graph, and what was recorded as rows that ranks compare once, when the recording is made.
 */
import { CrossoverError } from '../../errors.ts';
import { CUDA_SUCCESS, type CUgraph, type CUgraphExec, check, handleFrom } from '../../ffi/cuda.ts';
import type { Group } from '../../group/group.ts';
import { disagreement } from '../describe.ts';
import type { Arena, Launch } from '../engine.ts';
import type { Device } from './device.ts';
import { describeRow, hashRow, ROW, writeRow } from './operands.ts';

/** Captures may load modules, and do not mind what other threads do. */
const RELAXED = 2;

/** What is recorded between beginCapture and endCapture. */
export class Capture {
  launches = 0;
  /** Whether NCCL is part of it. */
  outside = false;
  readonly #device: Device;
  readonly #rows: Float64Array[] = [];

  /** Begins. Nothing may be under way on the stream that waits for a peer. */
  constructor(device: Device) {
    this.#device = device;
    check(device.cuda.streamBeginCapture(device.stream, RELAXED), 'cuStreamBeginCapture');
  }

  /** Notes a collective; `kernel` is an index into NAMES. */
  note(kernel: number, launch: Launch, arena: Arena): void {
    const row = new Float64Array(ROW);
    writeRow(row, 0, kernel, launch, arena);
    this.#rows.push(row);
  }

  /** Ends it, and makes it ready to run. */
  finish(): Graph {
    const { cuda, stream } = this.#device;
    const graph = handleFrom<CUgraph>((out) => cuda.streamEndCapture(stream, out), 'cuStreamEndCapture');
    try {
      const exec = handleFrom<CUgraphExec>(
        (out) => cuda.graphInstantiate(out, graph, 0),
        'cuGraphInstantiate',
      );
      const uploaded = cuda.graphUpload(exec, stream);
      if (uploaded !== CUDA_SUCCESS) cuda.graphExecDestroy(exec);
      check(uploaded, 'cuGraphUpload');
      return new Graph(this.#device, exec);
    } finally {
      cuda.graphDestroy(graph);
    }
  }

  /** Ends it, and drops what was recorded. */
  abandon(): void {
    const { cuda, stream } = this.#device;
    const graph = new BigUint64Array(1);
    // A capture that failed on the way gives an error and no graph.
    cuda.streamEndCapture(stream, graph);
    if (graph[0] !== 0n) cuda.graphDestroy(graph[0] as CUgraph);
  }

  /** Collective. @throws MismatchError on every rank when ranks have recorded different collectives */
  compare(group: Group): void {
    const hashes = group.gather(
      Int32Array.from(this.#rows, (row) => hashRow(new Int32Array(row.buffer), 0, 0)),
    );
    const first = hashes[0]!;
    const rank = hashes.findIndex(
      (own) => own.length !== first.length || own.some((hash, i) => hash !== first[i]),
    );
    if (rank < 0) return;
    const other = hashes[rank]!;
    const at = first.findIndex((hash, i) => hash !== other[i]);
    const index = at < 0 ? first.length : at;
    const row = this.#rows[index];
    const texts = group.gather(row ? describeRow(row, 0) : { text: 'nothing more', rest: {} });
    throw disagreement(texts[0]!, rank, texts[rank]!);
  }
}

export class Graph {
  readonly #device: Device;
  readonly #exec: CUgraphExec;
  #open = true;

  constructor(device: Device, exec: CUgraphExec) {
    this.#device = device;
    this.#exec = exec;
  }

  /** `launched` is told of each time. */
  launch(times: number, launched: () => void): void {
    if (!this.#open) throw new CrossoverError('the recording is closed');
    const { cuda, stream } = this.#device;
    for (let i = 0; i < times; i++) {
      const result = cuda.graphLaunch(this.#exec, stream);
      if (result !== 0) check(result, 'cuGraphLaunch');
      launched();
    }
  }

  /** Nothing of it may be under way. */
  close(): void {
    if (this.#open) this.#device.cuda.graphExecDestroy(this.#exec);
    this.#open = false;
  }
}
