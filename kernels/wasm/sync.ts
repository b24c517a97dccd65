/**
 * @file How ranks wait for each other: monotonic epochs, one line of memory a rank, no locks and no central counter.
 *
 * A rank that reaches a synchronization point adds one to its own epoch; it has passed the point when it has seen every
 * peer's epoch reach its own. Waiting is hybrid: poll for a while (0.1 to 0.3 us when the peer has a core of its own), then sleep.
 * With more ranks than cores polling would keep the very rank off the core that is waited for, so `spins` is 0 then.
 *
 * Sleeping and waking are imported (Atomics.wait and Atomics.notify on the same memory) and not `memory.atomic.wait32`: the baseline
 * compiler of Node 20 (V8 11.3, Liftoff) loses locals that it keeps in registers over that instruction, and the sleeper then
 * watches another address for ever. With --no-liftoff the hang was gone.
 *
 * No wake-up is lost: the sleeper adds itself to `sleepers`, then reads the epoch again before it sleeps; the peer stores its epoch,
 * then reads `sleepers`. Both orders are sequentially consistent, so at least one of them sees the other.
 *
 * Every collective starts with a full barrier that carries a signature of the call (operation, dtype, count, offsets...). There are
 * two slots, by the parity of the epoch. A slot is written again only by a full barrier two or more points later, which its rank
 * reaches after all peers have read it. That needs the points in between to leave slots alone: on a ring a rank may be several
 * points ahead of one that is not its neighbour.
 */
import { lines, rank, spins, worldSize } from './world';

const LINE: usize = 128;
const EPOCH: usize = 0;
const SLEEPERS: usize = 4;
const SIGNATURES: usize = 8;

/** Sleeps until the word at `address` is woken or is not `seen`; a bounded time. */
// @ts-ignore: decorator
@external('env', 'sleep')
declare function sleep(address: usize, seen: u32): void;

/** Wakes all that sleep on the word at `address`. */
// @ts-ignore: decorator
@external('env', 'wake')
declare function wake(address: usize): void;

export let epoch: u32 = 0;

/** Size of one rank's line, for the host side that lays memory out. */
export const LINE_BYTES: u32 = u32(LINE);

// @ts-ignore: decorator
@inline
function lineOf(peer: u32): usize {
  return lines + usize(peer) * LINE;
}

/** Which of the two staging generations this rank may write before the next barrier; see `stageOf` in stage.ts. */
// @ts-ignore: decorator
@inline
export function generation(): u32 {
  return (epoch + 1) & 1;
}

/** Lets the epochs of all ranks start at `first` instead of 0; for tests of what happens when they wrap around after 2^32 - 1. */
export function startAt(first: u32): void {
  epoch = first;
  atomic.store<u32>(lineOf(rank), first, EPOCH);
}

/** Announces that this rank has reached its next synchronization point. */
export function signal(): void {
  let line = lineOf(rank);
  epoch += 1;
  atomic.store<u32>(line, epoch, EPOCH);
  if (atomic.load<u32>(line, SLEEPERS) != 0) wake(line + EPOCH);
}

/** Returns when `peer` has announced the point that this rank announced last. */
export function waitFor(peer: u32): void {
  let line = lineOf(peer);
  let want = epoch;
  if (i32(atomic.load<u32>(line, EPOCH) - want) >= 0) return;
  for (let i: u32 = 0; i < spins; i++) {
    if (i32(atomic.load<u32>(line, EPOCH) - want) >= 0) return;
  }
  atomic.add<u32>(line, 1, SLEEPERS);
  let seen = atomic.load<u32>(line, EPOCH);
  while (i32(seen - want) < 0) {
    sleep(line + EPOCH, seen);
    seen = atomic.load<u32>(line, EPOCH);
  }
  atomic.sub<u32>(line, 1, SLEEPERS);
}

/** A full barrier. */
export function barrier(): void {
  signal();
  for (let r: u32 = 1; r < worldSize; r++) waitFor((rank + r) % worldSize);
}

/** A full barrier that also compares calls: false when any rank came with another signature. */
export function meet(signature: u32): bool {
  let slot = SIGNATURES + (((epoch + 1) & 1) << 2);
  store<u32>(lineOf(rank) + slot, signature);
  signal();
  let same = true;
  for (let r: u32 = 1; r < worldSize; r++) {
    let peer = (rank + r) % worldSize;
    waitFor(peer);
    same = same && load<u32>(lineOf(peer) + slot) == signature;
  }
  return same;
}

/** Announces a point and waits for both neighbours on the ring only. */
export function meetNeighbours(): void {
  signal();
  waitFor((rank + worldSize - 1) % worldSize);
  waitFor((rank + 1) % worldSize);
}
