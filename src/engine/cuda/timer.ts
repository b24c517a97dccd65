/**
 * @file The device's clock: events on the stream.
 */
import { type CUevent, check, handleFrom } from '../../ffi/cuda.ts';
import type { Timer } from '../engine.ts';
import type { Device } from './device.ts';
import type { Waiter } from './waiter.ts';

export class EventTimer implements Timer {
  readonly #device: Device;
  readonly #waiter: Waiter;
  readonly #start: CUevent;
  readonly #stop: CUevent;
  readonly #milliseconds: Float32Array = new Float32Array(1);

  constructor(device: Device, waiter: Waiter) {
    this.#device = device;
    this.#waiter = waiter;
    const create = (): CUevent => handleFrom((out) => device.cuda.eventCreate(out, 0), 'cuEventCreate');
    this.#start = create();
    this.#stop = create();
  }

  start(): void {
    check(this.#device.cuda.eventRecord(this.#start, this.#device.stream), 'cuEventRecord');
  }

  stop(): void {
    check(this.#device.cuda.eventRecord(this.#stop, this.#device.stream), 'cuEventRecord');
  }

  microseconds(): number {
    this.#waiter.wait();
    const elapsed = this.#device.cuda.eventElapsedTime(this.#milliseconds, this.#start, this.#stop);
    check(elapsed, 'cuEventElapsedTime');
    return this.#milliseconds[0]! * 1000;
  }

  close(): void {
    this.#device.cuda.eventDestroy(this.#start);
    this.#device.cuda.eventDestroy(this.#stop);
  }
}
