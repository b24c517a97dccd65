/**
 * @file What the fused kernels that send rows through mailboxes have in common. The mailboxes are those of all-reduce by packets; every row
 * begins a packet of its own.
 */
import type { Engine } from '../../engine/engine.ts';
import { dtypeBytes } from '../../tensor/dtype.ts';
import { NO_TUNABLES, type Request, type Tunables } from '../algorithm.ts';
import { mostPackets, PACKET_BYTES } from '../packets.ts';

const NONE = [NO_TUNABLES] as const;

export function rowBytesOf({ hidden = 0, dtype }: Request): number {
  return hidden * dtypeBytes(dtype);
}

/**
 * Why rows do not fit: rows of up to `mostRow` bytes do, of which `slices` parts each go into another rank's mailbox, and `granule` bytes of a row
 * at a time are dealt out.
 */
export function rowsRefusal(
  request: Request,
  engine: Engine,
  mostRow: number,
  slices: number,
  granule: number,
): string | undefined {
  const { bytes, worldSize } = request;
  const row = rowBytesOf(request);
  if (row > mostRow) return `a row of ${row} bytes is more than the ${mostRow} that threads can hold`;
  const room = mostPackets(worldSize, engine) * PACKET_BYTES * slices;
  const fit = Math.floor(room / (Math.ceil(Math.max(1, row) / granule) * granule));
  const rows = Math.ceil(bytes / Math.max(1, row));
  return rows <= fit ? undefined : `the mailboxes hold ${fit} rows of ${row} bytes, not ${rows}`;
}

/** On an engine without multiprocessors there is nothing to tune. */
export function onDevices(settings: (request: Request, engine: Engine) => readonly Tunables[]) {
  return (request: Request, engine: Engine): readonly Tunables[] =>
    engine.traits.multiprocessors > 0 ? settings(request, engine) : NONE;
}
