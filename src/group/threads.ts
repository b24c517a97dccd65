/**
 * @file The group of ranks that are threads of one process. Ranks meet in a control block in shared memory; values travel
 * through a mesh of message channels, one for each pair of ranks.
 *
 * A value is posted before the barrier and taken after it. Posting puts it into the receiver's queue before it returns, so
 * after the barrier it is there, and nobody needs to turn an event loop.
 */
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { CrossoverError } from '../errors.ts';
import { Barrier } from './barrier.ts';
import type { StatusLine } from './control.ts';
import type { Group } from './group.ts';
import { type Mail, Member } from './member.ts';
import { StopWords } from './stop-words.ts';

/** What a thread needs to be a rank. `ports[r]` leads to rank r; its own place is empty. */
export interface ThreadGroupOptions {
  readonly rank: number;
  readonly size: number;
  readonly spins: number;
  readonly control: Int32Array<SharedArrayBuffer>;
  readonly ports: readonly (MessagePort | undefined)[];
}

export function joinThreads(options: ThreadGroupOptions, status: StatusLine): Group {
  const { rank, size, spins, control, ports } = options;
  const barrier = new Barrier(control, rank, size, spins);
  return new Member(
    { kind: 'threads', rank, size, localRank: rank, localSize: size, spins },
    status,
    barrier,
    new Channels(ports),
    new StopWords(control, rank, true),
  );
}

class Channels implements Mail {
  readonly #ports: readonly (MessagePort | undefined)[];

  constructor(ports: readonly (MessagePort | undefined)[]) {
    this.#ports = ports;
  }

  post(meeting: number, value: unknown): void {
    for (const port of this.#ports) port?.postMessage({ meeting, value } satisfies Parcel);
  }

  take(meeting: number, from: readonly number[]): unknown[] {
    return from.map((rank) => {
      const port = this.#ports[rank];
      return port && takeFrom(port, rank, meeting);
    });
  }
}

function takeFrom(port: MessagePort, rank: number, meeting: number): unknown {
  for (;;) {
    const parcel = receiveMessageOnPort(port)?.message as Parcel | undefined;
    if (!parcel) throw new CrossoverError(`no value from rank ${rank} has arrived`);
    // What is older was sent in a call that the ranks disagreed on.
    if (parcel.meeting === meeting) return parcel.value;
  }
}

/** A value on its way, and in which meeting of its sender it is to be taken. */
interface Parcel {
  readonly meeting: number;
  readonly value: unknown;
}
