/**
 * @file Bytes between GPUs, by each of the ways there are: the copy engine, stores of multiprocessors (push), loads of multiprocessors (pull).
 */
import { check, driver } from '../../../ffi/cuda.ts';
import { type Field, u32, u64 } from './arguments.ts';
import type { Gpu, Shape } from './gpu.ts';
import { shareMemory } from './shared-memory.ts';
import { TRAFFIC_FILE } from './timing.ts';

/** As p2pBandwidthLatencyTest copies: 40 million ints. */
export const MOST_BYTES = 160_000_000;

/** A GPU with memory to send from and to be sent to, `MOST_BYTES` each. */
export interface Station {
  readonly gpu: Gpu;
  readonly outbox: number;
  readonly inbox: number;
}

export function stations(gpus: readonly Gpu[]): Station[] {
  return gpus.map((gpu) => {
    gpu.prepare(TRAFFIC_FILE, ['hold', 'peer_push', 'peer_pull', 'peer_ping_pong']);
    const { address } = shareMemory(gpu, 2 * MOST_BYTES, gpus);
    return { gpu, outbox: address, inbox: address + MOST_BYTES };
  });
}

/** Copies `bytes` from a station's outbox to `to` of another, `rounds` times, by the sender's copy engine. */
export function copy(from: Station, to: Station, at: number, bytes: number, rounds: number): void {
  const cuda = driver();
  const { gpu } = from;
  gpu.use();
  for (let i = 0; i < rounds; i++) {
    const result =
      from === to
        ? cuda.memcpyDtoDAsync(at, from.outbox, bytes, gpu.streams[0])
        : cuda.memcpyPeerAsync(at, to.gpu.context, from.outbox, gpu.context, bytes, gpu.streams[0]);
    check(result, `copying from GPU ${gpu.ordinal} to GPU ${to.gpu.ordinal}`);
  }
}

const MOST_PEERS = 8;

/** Stores `bytes` of the station's outbox to each address, `rounds` times. */
export function push(
  from: Station,
  to: readonly number[],
  bytes: number,
  rounds: number,
  shape: Shape,
): void {
  from.gpu.launch(TRAFFIC_FILE, 'peer_push', shape, traffic(from.outbox, to, bytes, rounds));
}

/** Loads `bytes` from each address into the station's inbox, `rounds` times. */
export function pull(
  into: Station,
  from: readonly number[],
  bytes: number,
  rounds: number,
  shape: Shape,
): void {
  into.gpu.launch(TRAFFIC_FILE, 'peer_pull', shape, traffic(into.inbox, from, bytes, rounds));
}

/** The kernels' `PeerTraffic`. */
function traffic(own: number, peers: readonly number[], bytes: number, rounds: number): Field[] {
  const addresses = Array.from({ length: MOST_PEERS }, (_, i) => u64(peers[i] ?? 0));
  return [u64(own), ...addresses, u64(Math.floor(bytes / 16)), u32(peers.length), u32(rounds)];
}
