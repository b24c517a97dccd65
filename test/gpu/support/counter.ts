/**
 * @file A tensor that counts: a step averages it over the ranks and adds one. In every element of every rank it has to be, exactly, how often
 * the step ran. Whoever read what a peer had before, or has only after, is off by a part of that and stays so.
 */
import type { Communicator } from '../../../dist/collective/communicator.js';
import type { Tensor } from '../../../dist/memory/tensor.js';

export class Counter {
  /** How often `step` has run; whoever replays a recording of it adds to this. */
  steps = 0;
  readonly #comm: Communicator;
  readonly #algorithm: string;
  readonly #x: Tensor;
  readonly #average: Tensor;
  readonly #one: Tensor;

  /** Collective: allocates. */
  constructor(comm: Communicator, algorithm: string, count: number) {
    this.#comm = comm;
    this.#algorithm = algorithm;
    this.#x = comm.empty('f32', [count]);
    this.#average = comm.empty('f32', [count]);
    this.#one = comm.empty('f32', [count]);
    this.#x.writeBytes(new Uint8Array(4 * count));
    this.#one.writeBytes(new Uint8Array(new Float32Array(count).fill(1).buffer));
  }

  /** Enqueues, or records, one step. */
  step(): void {
    this.#comm.allReduce(this.#x, { op: 'avg', out: this.#average, algorithm: this.#algorithm });
    this.#comm.add(this.#average, this.#one, this.#x);
  }

  /** What is wrong, in words. */
  problem(): string | undefined {
    const values = new Float32Array(this.#x.readBytes().buffer);
    const at = values.findIndex((value) => value !== this.steps);
    if (at < 0) return undefined;
    return `${this.#algorithm}, ${values.length} elements: element ${at} counted to ${values[at]}, not to ${this.steps}`;
  }

  free(): void {
    for (const tensor of [this.#one, this.#average, this.#x]) tensor.free();
  }
}
