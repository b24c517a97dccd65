/**
 * @file A rank's membership of its group, whatever the ranks are. A call has two steps: the ranks meet and say what they call, so
 * that a disagreement is found before anything else happens; then values travel. How they meet and how values travel differs
 * between threads (threads.ts), processes and hosts (processes.ts).
 */
import { CrossoverError, MismatchError } from '../errors.ts';
import type { StatusLine } from './control.ts';
import { type Group, type GroupKind, SITE, SITES } from './group.ts';
import type { StopWords } from './stop-words.ts';
import { listByWhat } from './wording.ts';

export interface Identity {
  readonly kind: GroupKind;
  readonly rank: number;
  readonly size: number;
  readonly localRank: number;
  readonly localSize: number;
  readonly spins: number;
}

export interface Meeting {
  /**
   * Returns on no rank before every rank has called it. `call` says what the rank is about to do.
   * Returns undefined when all say the same, or else what each rank said.
   */
  meet(call: number): number[] | undefined;
}

export interface Mail {
  /** Before the ranks meet for the `meeting`th time: takes a value to be sent. Throws when it cannot be cloned. */
  post(meeting: number, value: unknown): void;
  /** After that: the values that `from` posted, in this order; undefined in the rank's own place. Every rank calls. */
  take(meeting: number, from: readonly number[]): unknown[];
}

export class Member implements Group {
  readonly kind: GroupKind;
  readonly rank: number;
  readonly size: number;
  readonly localRank: number;
  readonly localSize: number;
  readonly spins: number;
  readonly stopWords: StopWords;
  readonly #everyone: readonly number[];
  readonly #status: StatusLine;
  readonly #meeting: Meeting;
  readonly #mail: Mail;
  /** Meetings so far, those inside broadcast and gather included: the same on all ranks. */
  #meetings = 0;

  constructor(identity: Identity, status: StatusLine, meeting: Meeting, mail: Mail, stopWords: StopWords) {
    this.kind = identity.kind;
    this.rank = identity.rank;
    this.size = identity.size;
    this.localRank = identity.localRank;
    this.localSize = identity.localSize;
    this.spins = identity.spins;
    this.#everyone = Array.from({ length: identity.size }, (_, rank) => rank);
    this.#status = status;
    this.#meeting = meeting;
    this.#mail = mail;
    this.stopWords = stopWords;
  }

  enter(site: number): void {
    this.#status.enter(site);
  }

  leave(): void {
    this.#status.leave();
  }

  /** @throws MismatchError on every rank when a rank called something else than `barrier`. */
  barrier(): void {
    this.#meet(SITE.barrier, 0, NOBODY);
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
    const [received] = this.#meet(SITE.broadcast, root, [root]);
    return this.rank === root ? value : (received as T);
  }

  /**
   * A rank gets its own value back, not a copy.
   * @throws CrossoverError on a rank whose value cannot be cloned. MismatchError on every rank when the calls differ.
   */
  gather<T>(value: T): T[] {
    this.#post('gather', value);
    const values = this.#meet(SITE.gather, 0, this.#everyone) as T[];
    values[this.rank] = value;
    return values;
  }

  /** Returns the values of the ranks `from`. */
  #meet(site: number, root: number, from: readonly number[]): unknown[] {
    const meeting = this.#meetings++;
    if (this.size === 1) return [];
    this.#status.enter(site);
    const calls = this.#meeting.meet(site + SITES.length * root);
    const values = calls || from === NOBODY ? [] : this.#mail.take(meeting, from);
    this.#status.leave();
    if (calls) throw new MismatchError(`ranks disagree: ${listByWhat(calls.map(nameCall), 'calls', 'call')}`);
    return values;
  }

  #post(what: string, value: unknown): void {
    try {
      this.#mail.post(this.#meetings, value);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new CrossoverError(`${what}: the value cannot be sent to other ranks: ${reason}`, { cause });
    }
  }
}

const NOBODY: readonly number[] = [];

function nameCall(call: number): string {
  const site = SITES[call % SITES.length] ?? 'unknown';
  return site === 'broadcast' ? `broadcast from rank ${Math.floor(call / SITES.length)}` : site;
}

/** For engines; undefined for groups that nobody has launched. */
export function stopWordsOf(group: Group): StopWords | undefined {
  return group instanceof Member ? group.stopWords : undefined;
}
