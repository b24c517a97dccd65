/**
 * @file What a rank of a test program holds: a communicator, random numbers that all ranks share, and a list of what went wrong.
 * Ranks compare their results at the end only, by hashes, so that comparing does not keep them in step with one another.
 */
import { createHash } from 'node:crypto';
import type { Communicator } from '../../../dist/collective/communicator.js';
import { createCommunicator } from '../../../dist/collective/create.js';
import type { Group } from '../../../dist/group/group.js';
import type { DType } from '../../../dist/tensor/dtype.js';
import { canonical } from './data.ts';
import type { ProgramData } from './engines.ts';
import { Random } from './random.ts';

export interface Report {
  /** How many results were compared. */
  readonly cases: number;
  /** The first things that went wrong on any rank, in words. */
  readonly problems: readonly string[];
}

const ENOUGH = 20;
/** Nobody wakes who sleeps here. */
const LATE = new Int32Array(new SharedArrayBuffer(4));

export class Session {
  readonly comm: Communicator;
  /** In the same state on all ranks: ask it for the same on all of them. */
  readonly shared: Random;
  /** This rank's own. */
  readonly own: Random;
  readonly #problems: string[] = [];
  readonly #results: [label: string, hash: string][] = [];
  #cases = 0;

  constructor(comm: Communicator, seed = 1) {
    this.comm = comm;
    this.shared = new Random(seed);
    this.own = new Random(seed * 1000 + comm.rank + 1);
  }

  /** Without a plan, and silent about it. */
  static open(group: Group, { engine }: ProgramData, seed?: number): Session {
    return new Session(createCommunicator(group, { engine, plan: null, warn: () => {} }), seed);
  }

  get isFirst(): boolean {
    return this.comm.rank === 0;
  }

  /** Lets ranks drift apart: one time in four, sleeps for up to 2 ms. */
  skew(): void {
    if (this.own.chance(0.25)) Atomics.wait(LATE, 0, 0, 2 * this.own.next());
  }

  /** Counts one comparison; `problem` says what is wrong, or is absent. */
  check(label: string, problem: string | undefined): void {
    this.#cases++;
    if (problem !== undefined && this.#problems.length < ENOUGH) {
      this.#problems.push(`rank ${this.comm.rank}: ${label}: ${problem}`);
    }
  }

  /** These bytes have to be the same on every rank. */
  sameOnAllRanks(label: string, dtype: DType, bytes: Uint8Array): void {
    this.#results.push([label, createHash('sha1').update(canonical(dtype, bytes)).digest('hex')]);
  }

  /** Collective: all ranks' problems. */
  report(): Report {
    const all = this.comm.group.gather({
      problems: this.#problems,
      results: this.#results,
      cases: this.#cases,
    });
    const problems = all.flatMap((one) => one.problems);
    for (const [rank, { results }] of all.entries()) {
      for (const [i, [label, hash]] of this.#results.entries()) {
        if (results[i]?.[1] !== hash)
          problems.push(`${label}: rank ${rank} has other bytes than rank ${this.comm.rank}`);
      }
    }
    const cases = this.#results.length + all.reduce((sum, one) => sum + one.cases, 0);
    return { cases, problems: problems.slice(0, ENOUGH) };
  }
}
