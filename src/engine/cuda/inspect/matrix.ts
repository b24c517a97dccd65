/**
 * @file Bandwidth and latency of every ordered pair of GPUs, by the method of NVIDIA's sample p2pBandwidthLatencyTest, so that the numbers
 * can be compared: 160 MB five times over by the copy engine, and 16 bytes a hundred times; less where links are slow, to stay within
 * seconds. Beside it what collectives are made of: stores and loads of multiprocessors, and a store that a polling peer sees.
 */
import { check, driver } from '../../../ffi/cuda.ts';
import { u32, u64 } from './arguments.ts';
import { type Gpu, waitFor } from './gpu.ts';
import type { PeerVerdicts } from './peer-check.ts';
import type { Progress } from './progress.ts';
import { shareMemory } from './shared-memory.ts';
import { TRAFFIC_FILE, timed } from './timing.ts';
import { copy, MOST_BYTES, pull, push, type Station } from './traffic.ts';

/** [device][peer]; null where a pair was not measured because it has no verified P2P. The diagonal is the device itself. */
export type Measured = readonly (readonly (number | null)[])[];

export interface Matrices {
  /** GB/s, the row's device copies to the column's. */
  readonly unidirectional: Measured;
  /** GB/s, both directions together. */
  readonly bidirectional: Measured;
  /** us that the GPU takes for a copy of 16 bytes. */
  readonly latency: Measured;
  /** GB/s of 16-byte stores to the column's memory. */
  readonly stores: Measured;
  /** GB/s of 16-byte loads from the column's memory. */
  readonly loads: Measured;
  /** us until a polling kernel on the column's device sees a store. */
  readonly oneWay: Measured;
}

const REPEAT = 5;
const LATENCY_REPEAT = 100;
const LATENCY_BYTES = 16;
const CALIBRATION_BYTES = 4 << 20;
/** What one measurement of a pair may take. */
const PAIR_US = 4000;
const PUSH_SHAPE = { blocks: 64, threads: 512 };
const PULL_SHAPE = { blocks: 64, threads: 1024 };
const PING_PONG_ROUNDS = 1000;
const PING_PONG_DEADLINE_NS = 500_000_000;

export function measureMatrices(
  places: readonly Station[],
  verdicts: PeerVerdicts,
  progress: Progress,
): Matrices {
  const empty = (): (number | null)[][] => places.map(() => places.map(() => null));
  const result = {
    unidirectional: empty(),
    bidirectional: empty(),
    latency: empty(),
    stores: empty(),
    loads: empty(),
    oneWay: empty(),
  };
  const flags = pingPongFlags(places.map(({ gpu }) => gpu));
  for (const [i, a] of places.entries()) {
    for (const [j, b] of places.entries()) {
      progress.at(`measuring from GPU ${i} to GPU ${j}`);
      const what = `measuring GPU ${i} to GPU ${j}`;
      const one = (enqueue: () => void): number => timed([a.gpu], what, enqueue)[0]!;
      const bytes = bytesFor(one, a, b);
      // A copy within a device reads and writes the same memory: both count.
      const sides = i === j ? 2 : 1;
      const rate = (us: number, directions: number): number => (directions * bytes * REPEAT) / us / 1000;
      one(() => copy(a, b, b.inbox, bytes, 1));
      result.unidirectional[i]![j] = rate(
        one(() => copy(a, b, b.inbox, bytes, REPEAT)),
        sides,
      );
      result.bidirectional[i]![j] =
        i === j
          ? result.unidirectional[i]![j]!
          : rate(
              Math.max(
                ...timed([a.gpu, b.gpu], what, (_, side) =>
                  side === 0 ? copy(a, b, b.inbox, bytes, REPEAT) : copy(b, a, a.inbox, bytes, REPEAT),
                ),
              ),
              2,
            );
      result.latency[i]![j] = one(() => copy(a, b, b.inbox, LATENCY_BYTES, LATENCY_REPEAT)) / LATENCY_REPEAT;
      const verified = i !== j && verdicts[i]?.[j]?.ok === true && verdicts[j]?.[i]?.ok === true;
      if (!verified) continue;
      result.stores[i]![j] = rate(
        one(() => push(a, [b.inbox], bytes, REPEAT, PUSH_SHAPE)),
        1,
      );
      result.loads[i]![j] = rate(
        one(() => pull(a, [b.outbox], bytes, REPEAT, PULL_SHAPE)),
        1,
      );
      result.oneWay[i]![j] = pingPong(a.gpu, b.gpu, flags[i]!, flags[j]!, what);
    }
  }
  return result;
}

/** Bytes a copy, so that the five take about as long as they may. */
function bytesFor(one: (enqueue: () => void) => number, a: Station, b: Station): number {
  one(() => copy(a, b, b.inbox, CALIBRATION_BYTES, 1));
  const us = one(() => copy(a, b, b.inbox, CALIBRATION_BYTES, 1));
  const bytes = (CALIBRATION_BYTES / us) * (PAIR_US / REPEAT);
  return Math.max(1 << 20, Math.min(MOST_BYTES, Math.floor(bytes / 4096) * 4096));
}

/** Offset of the two result words behind a device's flag. */
const ELAPSED = 256;

function pingPongFlags(gpus: readonly Gpu[]): number[] {
  return gpus.map((gpu) => shareMemory(gpu, 4096, gpus).address);
}

/** Half a round trip in us, or null when a device waited in vain. */
function pingPong(a: Gpu, b: Gpu, aFlag: number, bFlag: number, what: string): number | null {
  const cuda = driver();
  for (const [gpu, flag] of [
    [a, aFlag],
    [b, bFlag],
  ] as const) {
    gpu.use();
    check(cuda.memsetD8Async(flag, 0, 4096, gpu.streams[0]), what);
  }
  waitFor([a, b], what);
  const start = (gpu: Gpu, own: number, peer: number, begins: number): void =>
    gpu.launch(TRAFFIC_FILE, 'peer_ping_pong', { blocks: 1, threads: 1 }, [
      u64(own),
      u64(peer),
      u64(own + ELAPSED),
      u64(PING_PONG_DEADLINE_NS),
      u32(PING_PONG_ROUNDS),
      u32(begins),
    ]);
  start(b, bFlag, aFlag, 0);
  start(a, aFlag, bFlag, 1);
  waitFor([a, b], what);
  const words = new BigUint64Array(2);
  a.use();
  check(cuda.memcpyDtoHAsync(words, aFlag + ELAPSED, 16, a.streams[0]), what);
  waitFor([a], what);
  return words[1] === 0n ? Number(words[0]) / 1000 / PING_PONG_ROUNDS / 2 : null;
}
