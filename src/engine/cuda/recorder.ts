/**
 * @file Recordings of a rank: captured as graphs, compared between ranks, replayed.
 */
import { CrossoverError } from '../../errors.ts';
import { type Group, SITE } from '../../group/group.ts';
import type { Recording } from '../engine.ts';
import type { CallLog } from './call-log.ts';
import type { Device } from './device.ts';
import { Capture, type Graph } from './graph.ts';
import type { Waiter } from './waiter.ts';

/** What the engine does around replays. */
export interface Replays {
  /** Is told of launches that were enqueued. */
  count(launches: number): void;
  /** Is called before kernels that wait for peers. */
  meet(): void;
}

export class Recorder {
  /** What is being recorded. */
  capture: Capture | undefined;
  readonly #group: Group;
  readonly #device: Device;
  readonly #waiter: Waiter;
  readonly #log: CallLog;
  readonly #replays: Replays;
  readonly #graphs = new Set<Graph>();
  #recordings = 0;
  /** Whether a replay with NCCL in it may be under way. */
  #outsideReplays = false;

  constructor(group: Group, device: Device, waiter: Waiter, log: CallLog, replays: Replays) {
    this.#group = group;
    this.#device = device;
    this.#waiter = waiter;
    this.#log = log;
    this.#replays = replays;
  }

  begin(): void {
    if (this.capture) throw new CrossoverError('a capture is under way already');
    this.#waiter.wait();
    this.capture = new Capture(this.#device);
  }

  abort(): void {
    this.capture?.abandon();
    this.capture = undefined;
  }

  end(): Recording {
    const { capture } = this;
    if (!capture) throw new CrossoverError('endCapture without beginCapture');
    this.capture = undefined;
    const graph = capture.finish();
    try {
      this.#waiter.wait();
      capture.compare(this.#group);
    } catch (error) {
      graph.close();
      throw error;
    }
    this.#graphs.add(graph);
    const number = ++this.#recordings;
    const enqueue = (times: number): void => this.#enqueue(graph, capture, number, times);
    return {
      launches: capture.launches,
      enqueue,
      replay: (times = 1) => {
        enqueue(times);
        this.#waiter.wait(SITE.replay);
      },
      close: () => {
        if (!this.#graphs.delete(graph)) return;
        if (!this.#waiter.over) this.#waiter.wait();
        graph.close();
      },
    };
  }

  /**
   * NCCL is told that recordings and single calls never overlap (ffi/nccl.ts): a call gives its work to NCCL's threads at once, and a replay only
   * when the device comes to it.
   */
  waitForOutsideReplays(): void {
    if (!this.#outsideReplays) return;
    this.#waiter.wait();
    this.#outsideReplays = false;
  }

  /** Nothing of any recording may be under way. */
  close(): void {
    for (const graph of this.#graphs) graph.close();
    this.#graphs.clear();
  }

  #enqueue(graph: Graph, { launches, outside }: Capture, number: number, times: number): void {
    if (this.#waiter.over) this.#waiter.refuse();
    if (this.capture) throw new CrossoverError('a recording cannot be replayed while another is captured');
    if (!Number.isInteger(times) || times < 0 || times > 0xffffffff) {
      throw new CrossoverError(`times is ${times}; a recording is replayed a whole number of times`);
    }
    this.#log.noteReplay(number, times);
    this.#replays.meet();
    if (outside && times > 0) this.#outsideReplays = true;
    graph.launch(launches === 0 ? 0 : times, () => this.#replays.count(launches));
  }
}
