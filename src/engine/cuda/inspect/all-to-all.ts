/**
 * @file What leaves each GPU when all of them send to all others at once: the bound of the links, whatever a collective does.
 */
import type { Shape } from './gpu.ts';
import type { Progress } from './progress.ts';
import { timed } from './timing.ts';
import { copy, MOST_BYTES, pull, push, type Station } from './traffic.ts';

/** Rates in GB/s out of (push, copy) or into (pull) each GPU, the slowest GPU counting. */
export interface AllToAll {
  readonly gpus: number;
  /** By multiprocessors' stores and loads, the best of several grids. */
  readonly push: number;
  readonly pushShape: Shape;
  readonly pull: number;
  readonly pullShape: Shape;
  /** By one copy engine a GPU. */
  readonly copyEngine: number;
  /** The best of the three. */
  readonly best: number;
}

const RUNS = 3;
/** What one run may take. */
const RUN_US = 3000;
const MOST_ROUNDS = 64;

const PUSH_SHAPES: readonly Shape[] = [16, 32, 64, 128].map((blocks) => ({ blocks, threads: 512 }));
const PULL_SHAPES: readonly Shape[] = [32, 64, 128].map((blocks) => ({ blocks, threads: 1024 }));

/** Every pair must have P2P. */
export function measureAllToAll(places: readonly Station[], progress: Progress): AllToAll {
  const gpus = places.map(({ gpu }) => gpu);
  // A place in every inbox for each sender.
  const bytes = Math.floor(MOST_BYTES / places.length / 4096) * 4096;
  // Each begins with its neighbour, so that no two send to the same one at once.
  const peersOf = (i: number): Station[] => [...places.slice(i + 1), ...places.slice(0, i)];
  const run = (what: string, enqueue: (i: number, rounds: number) => void): number => {
    progress.at(`measuring all GPUs at once, ${what}`);
    const slowest = (rounds: number): number =>
      Math.max(...timed(gpus, `all GPUs at once, ${what}`, (_, i) => enqueue(i, rounds)));
    slowest(1);
    const rounds = Math.max(1, Math.min(MOST_ROUNDS, Math.round(RUN_US / slowest(1))));
    const times = Array.from({ length: RUNS }, () => slowest(rounds)).sort((a, b) => a - b);
    return (bytes * (places.length - 1) * rounds) / times[RUNS >> 1]! / 1000;
  };
  const best = (
    shapes: readonly Shape[],
    measure: (shape: Shape) => number,
  ): { rate: number; shape: Shape } =>
    shapes.map((shape) => ({ rate: measure(shape), shape })).reduce((a, b) => (b.rate > a.rate ? b : a));
  const pushed = best(PUSH_SHAPES, (shape) =>
    run(`stores of ${shape.blocks} blocks`, (i, rounds) =>
      push(
        places[i]!,
        peersOf(i).map(({ inbox }) => inbox + i * bytes),
        bytes,
        rounds,
        shape,
      ),
    ),
  );
  const pulled = best(PULL_SHAPES, (shape) =>
    run(`loads of ${shape.blocks} blocks`, (i, rounds) =>
      pull(
        places[i]!,
        peersOf(i).map(({ outbox }) => outbox),
        bytes,
        rounds,
        shape,
      ),
    ),
  );
  const copyEngine = run('copy engines', (i, rounds) => {
    for (let round = 0; round < rounds; round++)
      for (const peer of peersOf(i)) copy(places[i]!, peer, peer.inbox + i * bytes, bytes, 1);
  });
  return {
    gpus: places.length,
    push: pushed.rate,
    pushShape: pushed.shape,
    pull: pulled.rate,
    pullShape: pulled.shape,
    copyEngine,
    best: Math.max(pushed.rate, pulled.rate, copyEngine),
  };
}
