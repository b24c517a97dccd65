/**
 * @file Keeps the host from enqueueing further ahead of its device than the driver has room for. The driver has some 1024 launches; a host that launches one more is
 * held in the driver until the device has come further, and if the device waits for a peer whose host is held, too, neither goes on. So the host waits here, by
 * polling, and long before: for the end of what it had enqueued one period ago, so that the device has a period's work while it does.
 */
import {
  CUDA_ERROR_NOT_READY,
  CUDA_SUCCESS,
  type CUevent,
  check,
  handleFrom,
  intFrom,
} from '../../ffi/cuda.ts';
import type { Device } from './device.ts';

/** Launches of a period. */
const PERIOD = 256;
const DISABLE_TIMING = 2;

export class Backlog {
  readonly #device: Device;
  readonly #wait: (done: () => boolean) => void;
  /** The ends of the last two periods. */
  readonly #ends: readonly [CUevent, CUevent];
  #launches = 0;
  #periods = 0;

  /** @param wait returns when `done` says so, with an eye on what makes waiting vain */
  constructor(device: Device, wait: (done: () => boolean) => void) {
    this.#device = device;
    this.#wait = wait;
    const create = (): CUevent =>
      handleFrom((out) => device.cuda.eventCreate(out, DISABLE_TIMING), 'cuEventCreate');
    this.#ends = [create(), create()];
  }

  /** Notes launches that were enqueued. */
  add(launches: number): void {
    this.#launches += launches;
    if (this.#launches < PERIOD) return;
    this.#launches = 0;
    // What a capture takes in is not enqueued, and an event recorded there could be asked for no more. Captures are not the engine's only: products are tuned in some.
    if (this.#isCapturing()) return;
    const { cuda, stream } = this.#device;
    const own = this.#ends[this.#periods % 2]!;
    const before = this.#ends[(this.#periods + 1) % 2]!;
    check(cuda.eventRecord(own, stream), 'cuEventRecord');
    if (this.#periods++ > 0) this.#wait(() => this.#isOver(before));
  }

  close(): void {
    for (const event of this.#ends) this.#device.cuda.eventDestroy(event);
  }

  #isCapturing(): boolean {
    const { cuda, stream } = this.#device;
    return intFrom((out) => cuda.streamIsCapturing(stream, out), 'cuStreamIsCapturing') !== 0;
  }

  #isOver(event: CUevent): boolean {
    const result = this.#device.cuda.eventQuery(event);
    if (result === CUDA_SUCCESS) return true;
    if (result !== CUDA_ERROR_NOT_READY) check(result, 'cuEventQuery');
    return false;
  }
}
