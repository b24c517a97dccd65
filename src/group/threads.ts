/**
 * @file The group of ranks that are threads of one process. Ranks meet in a control block in shared memory; values travel
 * through a mesh of message channels, one for each pair of ranks.
 *
 * A value is posted before the barrier and taken after it. Posting puts it into the receiver's queue before it returns, so
 * after the barrier it is there, and nobody needs to turn an event loop.
 */
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { CrossoverError, MismatchError } from '../errors.ts';
import { Barrier } from './barrier.ts';
import type { StatusLine } from './control.ts';
import { type Group, SITE, SITES } from './group.ts';
import { listByWhat } from './wording.ts';

/** What a thread needs to be a rank. `ports[r]` leads to rank r; its own place is empty. */
export interface ThreadGroupOptions {
  readonly rank: number;
  readonly size: number;
  readonly spins: number;
  readonly control: Int32Array<SharedArrayBuffer>;
  readonly ports: readonly (MessagePort | undefined)[];
}

export class ThreadGroup implements Group {
  readonly rank: number;
  readonly size: number;
  readonly spins: number;
  readonly #ports: readonly (MessagePort | undefined)[];
  readonly #status: StatusLine;
  readonly #barrier: Barrier;
  /** Barriers so far, those inside broadcast and gather included: the same on all ranks. */
  #meetings = 0;

  constructor(options: ThreadGroupOptions, status: StatusLine) {
    this.rank = options.rank;
    this.size = options.size;
    this.spins = options.spins;
    this.#ports = options.ports;
    this.#status = status;
    this.#barrier = new Barrier(options.control, options.rank, options.size, options.spins);
  }

  enter(site: number): void {
    this.#status.enter(site);
  }

  leave(): void {
    this.#status.leave();
  }

  /** @throws MismatchError on every rank when a rank called something else than `barrier`. */
  barrier(): void {
    this.#meet(SITE.barrier, 0);
  }

  /**
   * The root gets its own value back, not a copy.
   * @throws CrossoverError on the root when the value cannot be cloned. MismatchError on every rank when the calls differ.
   */
  broadcast<T>(value: T, root = 0): T {
    if (!Number.isInteger(root) || root < 0 || root >= this.size) {
      throw new CrossoverError(`broadcast: root is ${root}; ranks are 0 to ${this.size - 1}`);
    }
    if (this.rank === root) this.#post('broadcast', value);
    this.#meet(SITE.broadcast, root);
    return this.rank === root ? value : this.#take(root);
  }

  /**
   * A rank gets its own value back, not a copy.
   * @throws CrossoverError on a rank whose value cannot be cloned. MismatchError on every rank when the calls differ.
   */
  gather<T>(value: T): T[] {
    this.#post('gather', value);
    this.#meet(SITE.gather, 0);
    return Array.from({ length: this.size }, (_, peer) => (peer === this.rank ? value : this.#take<T>(peer)));
  }

  #meet(site: number, root: number): void {
    this.#meetings += 1;
    if (this.size === 1) return;
    this.#status.enter(site);
    const calls = this.#barrier.meet(site + SITES.length * root);
    this.#status.leave();
    if (calls) throw new MismatchError(`ranks disagree: ${listByWhat(calls.map(nameCall), 'calls', 'call')}`);
  }

  #post(what: string, value: unknown): void {
    try {
      for (const port of this.#ports) port?.postMessage({ meeting: this.#meetings, value } satisfies Parcel);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new CrossoverError(`${what}: the value cannot be sent to other ranks: ${reason}`, { cause });
    }
  }

  #take<T>(from: number): T {
    for (;;) {
      const parcel = receiveMessageOnPort(this.#ports[from]!)?.message as Parcel | undefined;
      if (!parcel) throw new CrossoverError(`no value from rank ${from} has arrived`);
      // What is older was sent in a call that the ranks disagreed on.
      if (parcel.meeting === this.#meetings - 1) return parcel.value as T;
    }
  }
}

/** A value on its way, and in which meeting of its sender it is to be taken. */
interface Parcel {
  readonly meeting: number;
  readonly value: unknown;
}

function nameCall(call: number): string {
  const site = SITES[call % SITES.length] ?? 'unknown';
  return site === 'broadcast' ? `broadcast from rank ${Math.floor(call / SITES.length)}` : site;
}
