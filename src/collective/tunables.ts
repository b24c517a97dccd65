/**
 * @file The tunables of GPU kernels that more than one algorithm has. On an engine without multiprocessors there is nothing to tune.
 */
import type { Engine } from '../engine/engine.ts';
import { NO_TUNABLES, type Request, type Tunables } from './algorithm.ts';

const NONE = [NO_TUNABLES] as const;

/** Blocks as many as the message has use for. Few threads a block spread a short message over the device. */
const PUSH: readonly Tunables[] = [{ threads: 128 }, { threads: 512 }];

const DIRECT: readonly Tunables[] = [
  { blocks: 32, threads: 512 },
  { blocks: 64, threads: 512 },
  { blocks: 128, threads: 512 },
];
/** From here on a block has more than enough to do. */
const MANY_BLOCKS_BYTES = 256 * 1024;

const BULK: readonly Tunables[] = [{ blocks: 8 }, { blocks: 16 }, { blocks: 4 }];

/** Of kernels in which every warp goes its own way. */
export function pushTunables(_request: Request, engine: Engine): readonly Tunables[] {
  return engine.traits.multiprocessors > 0 ? PUSH : NONE;
}

/** Of kernels whose blocks meet their counterparts. */
export function blockTunables({ bytes }: Request, engine: Engine): readonly Tunables[] {
  if (engine.traits.multiprocessors === 0) return NONE;
  return bytes < MANY_BLOCKS_BYTES ? DIRECT.slice(0, 1) : DIRECT;
}

/** Of kernels that leave most multiprocessors alone. */
export function bulkTunables({ bytes }: Request, engine: Engine): readonly Tunables[] {
  if (engine.traits.multiprocessors === 0) return NONE;
  return bytes < MANY_BLOCKS_BYTES ? BULK.slice(0, 1) : BULK;
}

/** Bytes that a unit of a mailbox carries: all of it, or what is left when any bytes are data (kernels/cuda/escape.cuh). */
export const UNIT_BYTES = 512;
export const ESCAPED_UNIT_BYTES = 496;

/**
 * Why a message does not fit the mailboxes, of two halves and a slot a rank for each unit. `bytes` count in full for every rank: parts may
 * be so unequal that one rank has everything.
 */
export function mailboxRefusal(
  { bytes, worldSize }: Request,
  engine: Engine,
  payload: number,
): string | undefined {
  const units = Math.floor(engine.traits.mailboxBytes / (2 * worldSize * UNIT_BYTES));
  const most = units * payload;
  return bytes <= most ? undefined : `the mailboxes hold ${most} bytes of a message, not ${bytes}`;
}
