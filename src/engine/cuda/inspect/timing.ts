/**
 * @file Times by the devices' own clocks. What is timed is queued behind a kernel that only waits, so that gaps between launches, which
 * are the host's, are not part of it.
 */
import { type CUevent, check, driver } from '../../../ffi/cuda.ts';
import { u64 } from './arguments.ts';
import { type Gpu, waitFor } from './gpu.ts';

export const TRAFFIC_FILE = 'peer_bandwidth.cu';
/** As long as it takes to queue a hundred copies. */
const HOLD_NS = 1_000_000;

const events = new Map<Gpu, { start: CUevent; stop: CUevent }>();

function eventsOf(gpu: Gpu): { start: CUevent; stop: CUevent } {
  const known = events.get(gpu) ?? { start: gpu.event(), stop: gpu.event() };
  events.set(gpu, known);
  return known;
}

/**
 * Runs `enqueue` for each GPU, all of them started by the first one, and returns how long each was busy, in us.
 * `enqueue` uses the GPU's first stream only.
 */
export function timed(
  gpus: readonly Gpu[],
  what: string,
  enqueue: (gpu: Gpu, index: number) => void,
): number[] {
  const cuda = driver();
  const [leader, ...others] = gpus as [Gpu, ...Gpu[]];
  const go = eventsOf(leader).start;
  leader.launch(TRAFFIC_FILE, 'hold', { blocks: 1, threads: 1 }, [u64(HOLD_NS)]);
  check(cuda.eventRecord(go, leader.streams[0]), what);
  for (const gpu of others) {
    gpu.use();
    check(cuda.streamWaitEvent(gpu.streams[0], go, 0), what);
    check(cuda.eventRecord(eventsOf(gpu).start, gpu.streams[0]), what);
  }
  for (const [i, gpu] of gpus.entries()) {
    enqueue(gpu, i);
    gpu.use();
    check(cuda.eventRecord(eventsOf(gpu).stop, gpu.streams[0]), what);
  }
  waitFor(gpus, what);
  return gpus.map((gpu) => {
    const { start, stop } = eventsOf(gpu);
    const milliseconds = new Float32Array(1);
    gpu.use();
    check(cuda.eventElapsedTime(milliseconds, start, stop), what);
    return milliseconds[0]! * 1000;
  });
}
