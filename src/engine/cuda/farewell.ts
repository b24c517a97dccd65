/**
 * @file Whether all ranks close: what waits for every rank to be closed must not be begun when one of them will not come.
 */
import type { Group } from '../../group/group.ts';
import { shareMemory } from './shared.ts';

/** How long a rank waits for the others, looking every millisecond. */
const PATIENCE_MS = 2000;
const NAP_MS = 1;

export class Farewell {
  readonly #size: number;
  readonly #came: Int32Array | undefined;

  /** Collective. */
  constructor(group: Group) {
    this.#size = group.size;
    const memory = shareMemory(group, 4);
    this.#came = memory && new Int32Array(memory);
  }

  /** Once a rank. True when all ranks have come, so that none of them waits for one that does not. */
  meet(): boolean {
    const came = this.#came;
    if (!came) return false;
    Atomics.add(came, 0, 1);
    const nap = new Int32Array(new SharedArrayBuffer(4));
    const end = performance.now() + PATIENCE_MS;
    for (;;) {
      const now = Atomics.load(came, 0);
      if (now >= this.#size) return true;
      // Whoever gives up takes its coming back, so that nobody who comes later counts on it.
      if (performance.now() > end && Atomics.compareExchange(came, 0, now, now - 1) === now) return false;
      Atomics.wait(nap, 0, 0, NAP_MS);
    }
  }
}
