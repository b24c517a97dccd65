/**
 * @file Times launches of a device by its own clock: several in a row, recorded as a CUDA graph, so that the host's pace does not count.
 */
import { type CUevent, type CUgraph, type CUgraphExec, check, handleFrom } from '../../../ffi/cuda.ts';
import type { Device } from '../device.ts';
import type { ComputeTarget } from './target.ts';

/** Captures may load modules, and do not mind what other threads do. */
const RELAXED = 2;
/** Replays that are timed: the fastest counts. */
const REPLAYS = 2;

export class Stopwatch {
  readonly #target: ComputeTarget;
  readonly #device: Device;
  readonly #start: CUevent;
  readonly #stop: CUevent;
  readonly #milliseconds: Float32Array = new Float32Array(1);

  constructor(target: ComputeTarget) {
    const { device } = target;
    this.#target = target;
    this.#device = device;
    const create = (): CUevent => handleFrom((out) => device.cuda.eventCreate(out, 0), 'cuEventCreate');
    this.#start = create();
    this.#stop = create();
  }

  /** Microseconds of one of `launches` launches. A first look above `enough` is not followed by others. */
  time(launches: number, enough: number, launch: (i: number) => void): number {
    const { cuda, stream } = this.#device;
    // Loads what is to be loaded, which a capture might not allow.
    launch(0);
    const exec = this.#instantiate(this.#record(launches, launch));
    try {
      check(cuda.graphLaunch(exec, stream), 'cuGraphLaunch');
      let best = Number.POSITIVE_INFINITY;
      for (let i = 0; i < REPLAYS; i++) {
        best = Math.min(best, this.#replay(exec) / launches);
        if (best > enough) break;
      }
      return best;
    } finally {
      cuda.graphExecDestroy(exec);
    }
  }

  close(): void {
    this.#device.cuda.eventDestroy(this.#start);
    this.#device.cuda.eventDestroy(this.#stop);
  }

  #record(launches: number, launch: (i: number) => void): CUgraph {
    const { cuda, stream } = this.#device;
    const graph = new BigUint64Array(1);
    check(cuda.streamBeginCapture(stream, RELAXED), 'cuStreamBeginCapture');
    let whole = false;
    try {
      for (let i = 0; i < launches; i++) launch(i);
      whole = true;
    } finally {
      const result = cuda.streamEndCapture(stream, graph);
      if (whole) check(result, 'cuStreamEndCapture');
      else if (graph[0] !== 0n) cuda.graphDestroy(graph[0] as CUgraph);
    }
    return graph[0] as CUgraph;
  }

  /** The graph is not needed any more, whether it worked or not. */
  #instantiate(graph: CUgraph): CUgraphExec {
    const { cuda } = this.#device;
    try {
      return handleFrom<CUgraphExec>((out) => cuda.graphInstantiate(out, graph, 0), 'cuGraphInstantiate');
    } finally {
      cuda.graphDestroy(graph);
    }
  }

  #replay(exec: CUgraphExec): number {
    const { cuda, stream } = this.#device;
    check(cuda.eventRecord(this.#start, stream), 'cuEventRecord');
    check(cuda.graphLaunch(exec, stream), 'cuGraphLaunch');
    check(cuda.eventRecord(this.#stop, stream), 'cuEventRecord');
    this.#target.wait();
    check(cuda.eventElapsedTime(this.#milliseconds, this.#start, this.#stop), 'cuEventElapsedTime');
    return this.#milliseconds[0]! * 1000;
  }
}
