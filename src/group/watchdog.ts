/**
 * @file The watchdog: decides from the control block whether the group can still finish, and whose fault it is if not.
 *
 * A rank that waits for peers is not at fault while another one is not waiting. A rank that runs is at fault when it has
 * neither entered nor left a call nor turned its event loop for longer than the bound. When every rank waits, or one waits for
 * a rank that has finished, the program is at fault, and the message says where each rank is. A rank that sets up its GPU waits
 * for no peer, but for a driver that takes its time: it is at fault after a bound of its own.
 */
import { CrossoverError, MismatchError, RankError } from '../errors.ts';
import { HEARTBEAT, PROGRESS, RANK_STATE, SITE_NOW, STATE, VISIT, wordsOf } from './control.ts';
import { SITE, SITES } from './group.ts';
import { listByWhat, nameRanks } from './wording.ts';

/** Seconds a rank may take to import its program: on a loaded machine 64 threads take long, whatever the user's bound is. */
const START_SECONDS = 30;
/**
 * Seconds until waiting for a finished rank counts as futile. The group's own calls need every rank; an engine's launch may
 * be a kernel that needs no peer, so it is given time to end.
 */
const FUTILE_SECONDS = { meeting: 1, launch: 5 };

/**
 * Seconds that a driver may take, whatever the user's bound is: the first call starts it, and some wait for all that runs on the GPU,
 * which may be kernels that wait for peers until their deadline of 8 s.
 */
const DRIVER_SECONDS = 20;

/** What is known of a rank, and for how many seconds it has been so. */
interface Seen {
  state: number;
  site: number;
  visit: number;
  progress: number;
  heartbeat: number;
  idle: number;
}

export class Watchdog {
  readonly #words: Int32Array;
  readonly #bound: number;
  readonly #first: number;
  readonly #ranks: Seen[];

  /**
   * `seconds` is the longest silence of a rank; 0 means no bound, and then only waiting for a finished rank is found.
   * `first` is the first of the ranks that are watched; ranks of other hosts are watched there.
   */
  constructor(words: Int32Array, size: number, seconds: number, first = 0) {
    this.#words = words;
    this.#first = first;
    this.#bound = seconds === 0 ? Number.POSITIVE_INFINITY : seconds;
    this.#ranks = Array.from({ length: size }, () => ({
      state: RANK_STATE.starting,
      site: 0,
      visit: 0,
      progress: 0,
      heartbeat: 0,
      idle: 0,
    }));
  }

  /**
   * Looks at every rank. `elapsed` is the time since the last look in seconds.
   * Returns why the group cannot go on, or undefined while it can.
   */
  look(elapsed: number): CrossoverError | undefined {
    for (const [rank, seen] of this.#ranks.entries()) this.#update(rank, seen, elapsed);
    return this.#silent() ?? this.#futile() ?? this.#deadlocked();
  }

  /** Where the waiting ranks are, to be put behind an error's message; empty when none waits. */
  whoWaits(): string {
    const elsewhere = new Array<undefined>(this.#first).fill(undefined);
    const here = this.#ranks.map((seen) => (waitsForPeers(seen) ? place(seen) : undefined));
    const list = listByWhat([...elsewhere, ...here], 'waits in', 'wait in');
    return list && `; ${list}`;
  }

  #update(rank: number, seen: Seen, elapsed: number): void {
    const at = wordsOf(rank);
    const read = (word: number): number => Atomics.load(this.#words, at + word);
    const progress = read(PROGRESS);
    const heartbeat = read(HEARTBEAT);
    const state = read(STATE);
    const alive =
      progress !== seen.progress ||
      heartbeat !== seen.heartbeat ||
      state !== seen.state ||
      // Whoever reads the rank's output may take all the time they want.
      state === RANK_STATE.writing;
    seen.idle = alive ? 0 : seen.idle + elapsed;
    seen.progress = progress;
    seen.heartbeat = heartbeat;
    seen.state = state;
    seen.site = read(SITE_NOW);
    seen.visit = read(VISIT);
  }

  #silent(): CrossoverError | undefined {
    const guilty = this.#ranks.flatMap((seen, rank) => (this.#isSilent(seen) ? [rank] : []));
    const worst = guilty.reduce(
      (a, b) => (this.#ranks[b]!.idle > this.#ranks[a]!.idle ? b : a),
      guilty[0] ?? -1,
    );
    const seen = this.#ranks[worst];
    if (!seen) return undefined;
    const others = guilty.filter((rank) => rank !== worst).map((rank) => this.#first + rank);
    const rank = this.#first + worst;
    const also = others.length > 0 ? `; ${nameRanks(others)} too` : '';
    const what =
      seen.state === RANK_STATE.starting
        ? `did not start within ${seen.idle.toFixed(1)} s`
        : `stopped answering: nothing for ${seen.idle.toFixed(1)} s ${isInDriver(seen) ? 'in' : 'after'} ${seen.visit ? place(seen) : 'its start'}`;
    return new RankError(rank, `rank ${rank} ${what}${also}${this.whoWaits()}`);
  }

  #isSilent(seen: Seen): boolean {
    if (seen.state === RANK_STATE.running) return seen.idle > this.#bound;
    if (isInDriver(seen)) return seen.idle > Math.max(this.#bound, DRIVER_SECONDS);
    return seen.state === RANK_STATE.starting && seen.idle > Math.max(this.#bound, START_SECONDS);
  }

  #futile(): CrossoverError | undefined {
    const finished = this.#ranks.findIndex((seen) => seen.state === RANK_STATE.done);
    const inVain = (seen: Seen): boolean => {
      const grace =
        seen.site === SITE.eager || seen.site === SITE.replay
          ? FUTILE_SECONDS.launch
          : FUTILE_SECONDS.meeting;
      return waitsForPeers(seen) && seen.idle >= Math.min(grace, this.#bound);
    };
    if (finished < 0 || !this.#ranks.some(inVain)) return undefined;
    const rank = this.#first + finished;
    return new RankError(rank, `rank ${rank} finished while others need it${this.whoWaits()}`);
  }

  #deadlocked(): CrossoverError | undefined {
    const [first] = this.#ranks;
    if (!first || !this.#ranks.every((seen) => waitsForPeers(seen) && seen.idle > this.#bound))
      return undefined;
    const seconds = Math.min(...this.#ranks.map((seen) => seen.idle)).toFixed(1);
    if (this.#ranks.every((seen) => place(seen) === place(first))) {
      return new CrossoverError(
        `every rank has been in ${place(first)} for ${seconds} s; allow more time if that is expected`,
      );
    }
    return new MismatchError(`ranks wait for each other for ${seconds} s${this.whoWaits()}`);
  }
}

function isInDriver(seen: Seen): boolean {
  return seen.state === RANK_STATE.waiting && seen.site === SITE.gpu;
}

function waitsForPeers(seen: Seen): boolean {
  return seen.state === RANK_STATE.waiting && seen.site !== SITE.gpu;
}

function place(seen: Seen): string {
  return `${SITES[seen.site] ?? `site ${seen.site}`} #${seen.visit}`;
}
