/**
 * @file A rank's memory block: allocated once, mapped on every GPU of the group before anything runs, at the same place for all kernels of
 * the process. layout.ts says what lies where in it.
 */
import { closeSync } from 'node:fs';
import { CrossoverError } from '../../errors.ts';
import { type CUmemory, check, handleFrom, numberFrom } from '../../ffi/cuda.ts';
import type { Group } from '../../group/group.ts';
import { exchangeDescriptors } from '../../group/processes.ts';
import { ATTRIBUTE, type Device } from './device.ts';
import { guarded } from './guarded.ts';
import { CONTROL_BYTES, EPOCHS_BLOCK, HEAP, SIGNALS, SIGNALS_BYTES, UNITS } from './layout.ts';
import { shareMemory } from './shared.ts';

// CUmemAllocationProp: type 0, requestedHandleTypes 4, location.type 8, location.id 12, allocFlags.gpuDirectRDMACapable at byte 25.
const PROP_BYTES = 32;
const PINNED = 1;
const POSIX_FILE_DESCRIPTOR = 1;
const ON_DEVICE = 1;
const RECOMMENDED = 1;
const READ_WRITE = 3;

export interface Block {
  /** Address on all devices of the group. */
  readonly address: number;
  /** Mapped, a multiple of the granularity. */
  readonly bytes: number;
  readonly memory: CUmemory;
}

/** Every rank's block as mapped for this process, and how to let go of them. */
export interface Blocks {
  readonly own: Block;
  /** Addresses in rank order; only the own one when the group cannot reach each other's memory. */
  readonly peers: readonly number[];
  close(): void;
}

/** Allocates this rank's block, and maps it for `ordinals`. */
export function createBlock(device: Device, arenaBytes: number, ordinals: readonly number[]): Block {
  const { cuda } = device;
  if (device.attribute(ATTRIBUTE.virtualMemory) === 0) {
    throw new CrossoverError(
      `GPU ${device.ordinal} (${device.name}) has no virtual memory management, which the CUDA engine needs; use the CPU engine (--device cpu)`,
    );
  }
  const prop = new DataView(new ArrayBuffer(PROP_BYTES));
  prop.setInt32(0, PINNED, true);
  prop.setInt32(4, device.attribute(ATTRIBUTE.posixHandles) ? POSIX_FILE_DESCRIPTOR : 0, true);
  prop.setInt32(8, ON_DEVICE, true);
  prop.setInt32(12, device.handle, true);
  prop.setUint8(25, device.attribute(ATTRIBUTE.rdmaWithVirtualMemory) ? 1 : 0);
  const granularity = numberFrom(
    (out) => cuda.memAllocationGranularity(out, prop, RECOMMENDED),
    'cuMemGetAllocationGranularity',
  );
  // A byte more, so that nothing else begins where the arena ends: an address there is still the arena's.
  const bytes = Math.ceil((HEAP + arenaBytes + 1) / granularity) * granularity;
  const what = `${bytes} bytes on GPU ${device.ordinal} for a symmetric heap of ${arenaBytes} (arenaBytes, --arena)`;
  const memory = handleFrom<CUmemory>((out) => cuda.memCreate(out, bytes, prop, 0), `cuMemCreate of ${what}`);
  const close = (): unknown => cuda.memRelease(memory);
  return guarded({ close }, () => ({ address: map(device, memory, bytes, ordinals), bytes, memory }));
}

/** Maps memory at an address of its own for the devices of all `ordinals`. */
export function map(device: Device, memory: CUmemory, bytes: number, ordinals: readonly number[]): number {
  const { cuda } = device;
  const address = numberFrom((out) => cuda.memAddressReserve(out, bytes, 0, 0, 0), 'cuMemAddressReserve');
  const range = { close: () => cuda.memAddressFree(address, bytes) };
  const mapping = { close: () => cuda.memUnmap(address, bytes) };
  guarded(range, () => {
    check(cuda.memMap(address, bytes, 0, memory, 0), 'cuMemMap');
    guarded(mapping, () => {
      // CUmemAccessDesc: location.type, location.id, flags.
      const access = Int32Array.from(ordinals.flatMap((ordinal) => [ON_DEVICE, ordinal, READ_WRITE]));
      check(
        cuda.memSetAccess(address, bytes, access, ordinals.length),
        `cuMemSetAccess for GPUs ${ordinals.join(', ')}`,
      );
    });
  });
  return address;
}

export function unmap(device: Device, block: Block): void {
  const { cuda } = device;
  cuda.memUnmap(block.address, block.bytes);
  cuda.memAddressFree(block.address, block.bytes);
  cuda.memRelease(block.memory);
}

/** Lets all ranks reach each other's blocks. Collective. */
export function mapPeers(group: Group, device: Device, own: Block): Blocks {
  return group.kind === 'processes' ? mapProcesses(group, device, own) : mapThreads(group, device, own);
}

/** The own block only, where peers' memory is out of reach. */
export function mapNobody(device: Device, own: Block): Blocks {
  return { own, peers: [own.address], close: () => unmap(device, own) };
}

/**
 * Ranks that are threads: an address means the same to all. A rank may end while a peer's kernels still reach for its block, so the last one to
 * leave frees them all.
 */
function mapThreads(group: Group, device: Device, own: Block): Blocks {
  const left = new Int32Array(shareMemory(group, 4)!);
  const all = group.gather(own);
  return {
    own,
    peers: all.map(({ address }) => address),
    close() {
      if (Atomics.add(left, 0, 1) + 1 === group.size) for (const block of all) unmap(device, block);
    },
  };
}

/** Ranks that are processes: each maps its own view of every block. Memory goes when nobody has it mapped. */
function mapProcesses(group: Group, device: Device, own: Block): Blocks {
  const { cuda } = device;
  const out = new Int32Array(1);
  check(cuda.memExport(out, own.memory, POSIX_FILE_DESCRIPTOR, 0), 'cuMemExportToShareableHandle');
  const sizes = group.gather(own.bytes);
  const descriptors = exchangeDescriptors(group, out[0]!);
  const all = descriptors.map((descriptor, rank): Block => {
    if (rank === group.rank) return own;
    const memory = handleFrom<CUmemory>(
      (to) => cuda.memImport(to, descriptor, POSIX_FILE_DESCRIPTOR),
      `cuMemImportFromShareableHandle of rank ${rank}'s memory`,
    );
    const bytes = sizes[rank]!;
    return { address: map(device, memory, bytes, [device.ordinal]), bytes, memory };
  });
  for (const descriptor of descriptors) closeSync(descriptor);
  return {
    own,
    peers: all.map(({ address }) => address),
    close() {
      for (const block of all) unmap(device, block);
    },
  };
}

/** Puts control words and mailboxes into their first state. The caller waits for the stream, and then for all ranks, before the first launch. */
export function initialize(device: Device, block: Block, firstEpoch: number): void {
  const { cuda, stream } = device;
  const { address } = block;
  check(cuda.memsetD8Async(address, 0, CONTROL_BYTES, stream), 'cuMemsetD8Async');
  check(cuda.memsetD8Async(address + UNITS, 0xff, HEAP - UNITS, stream), 'cuMemsetD8Async');
  if (firstEpoch === 0) return;
  // Counts of blocks, and the flags that peers have set by then. Epochs of units are halves, 0 or 1, and stay.
  check(
    cuda.memsetD32Async(address + EPOCHS_BLOCK, firstEpoch, (SIGNALS - EPOCHS_BLOCK) / 4, stream),
    'cuMemsetD32Async',
  );
  check(cuda.memsetD32Async(address + SIGNALS, firstEpoch, SIGNALS_BYTES / 4, stream), 'cuMemsetD32Async');
}
