/**
 * @file Algorithms that send packets into mailboxes (kernels/cuda/packets.cuh): one kernel for each number of bytes a thread has, and one for
 * buffers that do not begin at multiples of 16 bytes or end within a thread's bytes.
 */
import type { Engine, Launch } from '../engine/engine.ts';
import { DTYPES, dtypeBytes } from '../tensor/dtype.ts';
import { type Algorithm, NO_TUNABLES, type Request, type Tunables } from './algorithm.ts';

export const PACKET_BYTES = 128;
/** Packets of a mailbox region that have an epoch; MAX_PACKETS of kernels/cuda/layout.cuh. */
const MOST_PACKETS = 128 * 1024;

const NONE = [NO_TUNABLES] as const;
const ELEMENT_BYTES = DTYPES.map(dtypeBytes);

type Described = Pick<Algorithm, 'operation' | 'name' | 'summary' | 'source' | 'bits'>;

/** Packets of a message, or of one rank's part of it, that the mailboxes hold: two halves, and a packet from every other rank in each. */
export function mostPackets(worldSize: number, engine: Engine): number {
  const halves = 2 * Math.max(1, worldSize - 1) * PACKET_BYTES;
  return Math.min(MOST_PACKETS, Math.floor(engine.traits.mailboxBytes / halves));
}

/** `slices`: into how many parts the message is dealt out before it is sent. */
export function packetKernel(
  described: Described,
  slices: (worldSize: number) => number,
  tunables: (request: Request) => readonly Tunables[],
): Algorithm {
  const kernel = `${described.operation}_${described.name}`;
  const names = new Map([4, 8, 16].map((bytes) => [bytes, `${kernel}_${bytes}`]));
  const any = `${kernel}_any`;
  return {
    ...described,
    kernels: [...names.values(), any],
    refuses({ bytes, worldSize }, engine) {
      const most = mostPackets(worldSize, engine) * PACKET_BYTES * slices(worldSize);
      return bytes <= most ? undefined : `the mailboxes hold ${most} bytes of a message, not ${bytes}`;
    },
    tunables: (request, engine) => (engine.traits.multiprocessors > 0 ? tunables(request) : NONE),
    enqueue(engine, launch, { pack_bytes = 8, threads = 128 }) {
      launch.kernel = isWhole(launch, pack_bytes) ? (names.get(pack_bytes) ?? any) : any;
      launch.threads = threads;
      launch.chunkBytes = 0;
      launch.blocks = 0;
      engine.enqueue(launch);
    },
  };
}

/** Buffers begin equally far from multiples of 16 bytes on all ranks, so all of them answer the same. */
function isWhole(launch: Launch, packBytes: number): boolean {
  return (
    launch.input % 16 === 0 &&
    launch.output % 16 === 0 &&
    (launch.count * ELEMENT_BYTES[launch.dtype]!) % packBytes === 0
  );
}
