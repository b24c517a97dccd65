/**
 * @file P2P verified: every GPU writes into every other's memory and reads from it, and the host compares what arrived.
 * Drivers have claimed access where writes were dropped (PCIe access control with an IOMMU, patched drivers, virtual machines).
 */
import { randomInt } from 'node:crypto';
import { check, driver } from '../../../ffi/cuda.ts';
import { u32, u64 } from './arguments.ts';
import { type Gpu, waitFor } from './gpu.ts';
import { type Mismatch, mismatch } from './pattern.ts';
import type { Progress } from './progress.ts';
import { type SharedMemory, shareMemory } from './shared-memory.ts';

/** What came of one ordered pair: device `row` accessed device `column`. */
export interface PairVerdict {
  /** Both directions of data were right: what it wrote arrived, what it read was what is there. */
  readonly ok: boolean;
  /** What was wrong, one line. */
  readonly reason?: string;
}

/** [device][peer]; the diagonal is null, and so are pairs that were not reached because a GPU failed before. */
export type PeerVerdicts = readonly (readonly (PairVerdict | null)[])[];

const PEER_CHECK_FILE = 'peer_check.cu';
/** Enough to go over every link of a device several times. */
const BYTES = 1 << 20;
const SHAPE = { blocks: 16, threads: 256 };
const TIMEOUT_MS = 3000;

export function checkPeers(gpus: readonly Gpu[], progress: Progress): PeerVerdicts {
  for (const gpu of gpus) gpu.prepare(PEER_CHECK_FILE, ['peer_check_write', 'peer_check_read']);
  // Of each device: what peers write to and read from, and what its own kernels copy out for the host.
  const targets = gpus.map((gpu) => shareMemory(gpu, BYTES, gpus));
  const results = gpus.map((gpu) => shareMemory(gpu, BYTES, []));
  const verdicts: (PairVerdict | null)[][] = gpus.map(() => gpus.map(() => null));
  for (const [i, gpu] of gpus.entries()) {
    for (const [j, peer] of gpus.entries()) {
      if (i === j) continue;
      progress.at(`checking that GPU ${i} reaches the memory of GPU ${j}`);
      const refused = targets[j]!.refused.get(gpu.ordinal);
      if (refused !== undefined) {
        verdicts[i]![j] = { ok: false, reason: refused };
        continue;
      }
      try {
        verdicts[i]![j] = checkPair(gpu, results[i]!, peer, targets[j]!, results[j]!);
      } catch (error) {
        // After a failure of its own a context answers nothing else: the other pairs would only repeat it.
        verdicts[i]![j] = { ok: false, reason: (error as Error).message };
        return verdicts;
      }
      progress.partial({ verdicts });
    }
  }
  return verdicts;
}

function checkPair(
  gpu: Gpu,
  gpuResult: SharedMemory,
  peer: Gpu,
  target: SharedMemory,
  peerResult: SharedMemory,
): PairVerdict {
  const pair = `GPU ${gpu.ordinal} and GPU ${peer.ordinal}`;
  // What this device writes over there, that one must find in its own memory.
  clear(peer, target, pair);
  const written = randomInt(2 ** 32);
  run(gpu, 'peer_check_write', 0, target.address, written, pair);
  run(peer, 'peer_check_read', target.address, peerResult.address, 0, pair);
  const arrived = mismatch(download(peer, peerResult, pair), written);
  if (arrived !== undefined)
    return { ok: false, reason: `what it writes does not arrive: ${inWords(arrived)}` };
  // What that device has written at home, this one must read over there.
  clear(gpu, gpuResult, pair);
  const kept = randomInt(2 ** 32);
  run(peer, 'peer_check_write', 0, target.address, kept, pair);
  run(gpu, 'peer_check_read', target.address, gpuResult.address, 0, pair);
  const read = mismatch(download(gpu, gpuResult, pair), kept);
  if (read !== undefined) return { ok: false, reason: `what it reads is wrong: ${inWords(read)}` };
  return { ok: true };
}

function clear(gpu: Gpu, { address }: SharedMemory, pair: string): void {
  gpu.use();
  check(driver().memsetD8Async(address, 0, BYTES, gpu.streams[0]), `clearing memory for ${pair}`);
  waitFor([gpu], `clearing memory for ${pair}`, TIMEOUT_MS);
}

function run(gpu: Gpu, kernel: string, from: number, to: number, seed: number, pair: string): void {
  const fields = [u64(from), u64(to), u64(BYTES / 16), u32(seed), u32(0)];
  gpu.launch(PEER_CHECK_FILE, kernel, SHAPE, fields);
  waitFor([gpu], `${kernel} for ${pair}`, TIMEOUT_MS);
}

function download(gpu: Gpu, { address }: SharedMemory, pair: string): Uint32Array {
  const words = new Uint32Array(BYTES / 4);
  gpu.use();
  check(driver().memcpyDtoHAsync(words, address, BYTES, gpu.streams[0]), `reading back for ${pair}`);
  waitFor([gpu], `reading back for ${pair}`, TIMEOUT_MS);
  return words;
}

function inWords({ count, index, found, expected }: Mismatch): string {
  const hex = (word: number): string => `0x${word.toString(16).padStart(8, '0')}`;
  return `${count} of ${BYTES / 4} words, the first at byte ${4 * index} (${hex(found)}, not ${hex(expected)})`;
}
