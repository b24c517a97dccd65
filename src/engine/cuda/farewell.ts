/**
 * @file Whether all ranks close: what waits for every rank to be closed must not be begun when one of them will not come.
 */
import type { Group } from '../../group/group.ts';

/** How long a rank waits for the others. */
const PATIENCE_MS = 2000;

export class Farewell {
  readonly #size: number;
  readonly #came: Int32Array | undefined;

  /** Collective. */
  constructor(group: Group) {
    this.#size = group.size;
    // Processes end soon after, which closes everything.
    this.#came =
      group.kind === 'threads'
        ? group.broadcast(group.rank === 0 ? new Int32Array(new SharedArrayBuffer(4)) : undefined)
        : undefined;
  }

  /** Once a rank. True when all ranks have come, so that none of them waits for one that does not. */
  meet(): boolean {
    const came = this.#came;
    if (!came) return false;
    Atomics.add(came, 0, 1);
    Atomics.notify(came, 0);
    const end = performance.now() + PATIENCE_MS;
    for (;;) {
      const now = Atomics.load(came, 0);
      if (now >= this.#size) return true;
      const left = end - performance.now();
      // Whoever gives up takes its coming back, so that nobody who comes later counts on it.
      if (left <= 0 && Atomics.compareExchange(came, 0, now, now - 1) === now) return false;
      Atomics.wait(came, 0, now, Math.max(0, left));
    }
  }
}
