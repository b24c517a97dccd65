/**
 * @file How the host waits for a rank's GPU: by polling, so that the thread can be ended at any time, with an eye on what makes waiting vain. A
 * wait in vain leaves mailboxes half filled, so the engine then refuses to go on.
 *
 * Kernels of ours that wait for a peer give up by themselves. Others may not end: NCCL's, and any that has a fault. The host's patience is for those; backlog.ts
 * sees to it that a wait is never for much work.
 */
import { CrossoverError } from '../../errors.ts';
import { type Group, SITE } from '../../group/group.ts';
import type { CallLog } from './call-log.ts';
import { type Device, isIdle } from './device.ts';
import type { Outside } from './nccl.ts';
import type { Status } from './status.ts';

/** Polls, of some microseconds each, between two looks at the status words and at what peers have called; and at NCCL. */
const LOOK = 256;
const LOOK_OUTSIDE = 1 << 16;
/** Looks at a rank that was told to end, until it is taken for one that the launcher has told. */
const ENDED_LOOKS = 16;
/** Kernels that are told to give up do so after 2^12 polls of theirs. */
const DRAIN_MS = 3000;

export interface Patience {
  /** After which kernels give up that wait for a peer; for messages. */
  readonly deadlineSeconds: number;
  /** How long one wait may last; 0 for ever. */
  readonly stallSeconds: number;
}

export class Waiter {
  readonly #group: Group;
  readonly #device: Device;
  readonly #status: Status;
  readonly #log: CallLog;
  readonly #outside: Outside;
  readonly #patience: Patience;
  #reason: CrossoverError | undefined;
  #endedLooks = 0;

  constructor(
    group: Group,
    device: Device,
    status: Status,
    log: CallLog,
    outside: Outside,
    patience: Patience,
  ) {
    this.#group = group;
    this.#device = device;
    this.#status = status;
    this.#log = log;
    this.#outside = outside;
    this.#patience = patience;
  }

  /** Whether something has gone wrong that the engine cannot recover from. */
  get over(): boolean {
    return this.#reason !== undefined;
  }

  /** Whether nothing is under way on the device any more. Asks a device that failed no further. */
  get drained(): boolean {
    try {
      return isIdle(this.#device);
    } catch {
      return false;
    }
  }

  refuse(): never {
    throw new CrossoverError(`the CUDA engine cannot go on after this error: ${this.#reason!.message}`, {
      cause: this.#reason,
    });
  }

  /**
   * Returns when all that was enqueued has finished, or when `done` says so.
   * @throws MismatchError when ranks have called different things. CrossoverError when a kernel waited in vain, or the device failed
   */
  wait(site: number = SITE.eager, done: () => boolean = () => isIdle(this.#device)): void {
    if (this.#reason) this.refuse();
    if (!this.#poll(done)) {
      this.#group.enter(site);
      try {
        this.#waitLong(done);
      } finally {
        this.#group.leave();
      }
    }
    this.#look();
  }

  #waitLong(done: () => boolean): void {
    const { stallSeconds } = this.#patience;
    const end = stallSeconds === 0 ? Number.POSITIVE_INFINITY : performance.now() + 1000 * stallSeconds;
    for (let polls = 1; !this.#poll(done); polls++) {
      if (polls % LOOK === 0) {
        this.#look();
        if (performance.now() > end) this.#fail(this.#stalled());
      }
      if (polls % LOOK_OUTSIDE === 0) {
        const failure = this.#outside.failure();
        if (failure !== undefined)
          this.#fail(new CrossoverError(`${failure}, in ${this.#log.describeLast()}`));
      }
    }
  }

  #poll(done: () => boolean): boolean {
    try {
      return done();
    } catch (error) {
      this.#reason = new CrossoverError(`${(error as Error).message}, in ${this.#log.describeLast()}`, {
        cause: error,
      });
      throw this.#reason;
    }
  }

  #look(): void {
    const mismatch = this.#log.compare();
    if (mismatch) this.#fail(mismatch);
    if (!this.#status.failed) {
      if (this.#status.ended) this.#endedByOthers();
      return;
    }
    const { peer } = this.#status;
    const who = peer < this.#group.size ? `rank ${peer}` : this.#group.size === 2 ? 'its peer' : 'a peer';
    this.#fail(
      new CrossoverError(
        `rank ${this.#group.rank} gave up waiting for ${who} after ${this.#patience.deadlineSeconds} s, in ${this.#log.describeLast()}`,
      ),
    );
  }

  /** The launcher is about to end the process: what is under way leaves, NCCL's kernels too, and nothing comes after it. A kernel that gives up says so a moment later. */
  #endedByOthers(): void {
    this.#endedLooks++;
    if (this.#endedLooks > ENDED_LOOKS)
      this.#fail(
        new CrossoverError(`rank ${this.#group.rank} was told to end, in ${this.#log.describeLast()}`),
      );
  }

  #stalled(): CrossoverError {
    const { rank } = this.#group;
    return new CrossoverError(
      `rank ${rank}: GPU ${this.#device.ordinal} has not come to the end of what was enqueued within ${this.#patience.stallSeconds} s (CROSSOVER_STALL_SECONDS): a kernel does not end, or waits for what does not come, behind ${this.#log.describeLast()}`,
    );
  }

  /** Gets the kernels that still wait off the device, and ends the engine. */
  #fail(reason: CrossoverError): never {
    this.#reason = reason;
    this.#status.end();
    this.#outside.abort();
    const start = performance.now();
    while (!this.drained && performance.now() - start < DRAIN_MS);
    throw reason;
  }
}
