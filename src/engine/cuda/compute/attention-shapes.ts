/**
 * @file How attention is cut into blocks: which of the kernels takes it, the macros that it is compiled with, its shared memory, and into how many shares the
 * places of a sequence are split (flash-decoding), which a recording fixes while positions on the device grow.
 */
import { CrossoverError } from '../../../errors.ts';
import { KIB, mostShared, PACK } from './shape.ts';

/** What the cut depends on besides the device. */
export interface AttentionSize {
  readonly tokens: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly head: number;
  readonly rope: number;
  readonly valueHead: number;
  readonly places: number;
}

export interface AttentionTarget {
  readonly multiprocessors: number;
  /** 10 x major + minor. */
  readonly capability: number;
}

export interface AttentionCut {
  readonly source: 'attention.cu' | 'attention_latent.cu' | 'attention_prefill.cu';
  readonly defines: readonly string[];
  /** Tiles of rows, and the most shares of places that one is split into. */
  readonly grid: readonly [x: number, y: number];
  readonly block: number;
  readonly sharedBytes: number;
  /** Tokens of a tile, and the fewest places of a share, for attention_latent.cu. */
  readonly tileTokens: number;
  readonly least: number;
  readonly scratchBytes: number;
}

export type AttentionKernel = 'attention' | 'prefill_attention';

/** Of heads that are not latent: a warp has sums of so many values. */
const MOST_HEAD = 256;
/** Of latent attention: DeepSeek's. */
const MOST_LATENT_KEY = 576;
const MOST_LATENT = 512;
/** As in attention_merge.cuh. */
const MOST_SHARES = 32;
const MOST_COUNTERS = 65_536;
const RING_BYTES = 512 * 4;

const WARP = 32;

/** Bytes of a row in shared memory; as in attention.cuh. */
function keyStride({ head, rope }: AttentionSize): number {
  return Math.ceil((head + rope) / 16) * 32 + 16;
}
function valueStride({ valueHead }: AttentionSize): number {
  return (Math.floor(valueHead / PACK) | 1) * 16;
}

/** @throws CrossoverError for sizes that there is no kernel for */
export function attentionCut(
  kernel: AttentionKernel,
  size: AttentionSize,
  latent: boolean,
  target: AttentionTarget,
): AttentionCut {
  const problem = problemOf(size, latent);
  if (problem !== undefined) throw new CrossoverError(`${kernel}: ${problem}`);
  return cutOf(kernel, size, latent, target);
}

/** Bytes of scratch that are enough whether values are the keys' or not: addresses do not count when it is asked for. */
export function attentionScratchBytes(
  kernel: AttentionKernel,
  size: AttentionSize,
  target: AttentionTarget,
): number {
  const kinds = [false, true].filter((latent) => problemOf(size, latent) === undefined);
  if (kinds.length === 0) throw new CrossoverError(`${kernel}: ${problemOf(size, size.rope > 0)}`);
  return Math.max(...kinds.map((latent) => cutOf(kernel, size, latent, target).scratchBytes));
}

function cutOf(
  kernel: AttentionKernel,
  size: AttentionSize,
  latent: boolean,
  target: AttentionTarget,
): AttentionCut {
  if (latent || size.rope > 0) return together(kernel === 'attention', size, latent, target);
  return kernel === 'attention' ? byWarps(size, target) : byTokens(size);
}

/** What is wrong with a size, and what is accepted. */
function problemOf(
  { heads, kvHeads, head, rope, valueHead }: AttentionSize,
  latent: boolean,
): string | undefined {
  for (const [name, value] of [
    ['head', head],
    ['rope', rope],
    ['valueHead', valueHead],
  ] as const) {
    if (value % PACK !== 0)
      return `${name} is ${value}; the CUDA engine has kernels for multiples of ${PACK}`;
  }
  if (heads % kvHeads !== 0)
    return `heads is ${heads}; the CUDA engine has kernels for multiples of kvHeads, which is ${kvHeads}`;
  const mostKey = latent ? MOST_LATENT_KEY : MOST_HEAD;
  const mostValue = latent ? Math.min(head + rope, MOST_LATENT) : MOST_HEAD;
  const which = latent ? 'values that are part of the keys' : 'values in a cache of their own';
  if (head + rope > mostKey)
    return `head + rope is ${head + rope}; with ${which} the CUDA engine has kernels for up to ${mostKey}`;
  if (valueHead > mostValue)
    return `valueHead is ${valueHead}; with ${which} the CUDA engine has kernels for up to ${mostValue} here`;
  return undefined;
}

/** Few tokens a sequence: warps on their own. */
function byWarps(size: AttentionSize, { multiprocessors, capability }: AttentionTarget): AttentionCut {
  const { tokens, heads, kvHeads, head, valueHead, places } = size;
  const rows = 16;
  const sharedOf = (warps: number, stages: number): number => {
    const tiles = stages * 16 * (keyStride(size) + valueStride(size));
    const ofWarp = Math.max(tiles, rows * (valueHead + 8) * 4) + 8 * 16 * 4 + rows * 8;
    return rows * keyStride(size) + warps * ofWarp + MOST_SHARES * rows * 4;
  };
  const most = mostShared(capability);
  const warps = sharedOf(4, 2) <= most ? 4 : 2;
  // One more on its way, where two blocks still have room: 3 to 9 % less on an H200.
  const stages = 2 * (sharedOf(warps, 3) + KIB) <= most + KIB ? 3 : 2;
  const group = heads / kvHeads;
  const units = tokens * kvHeads * Math.ceil(group / rows);
  // More blocks than are there at a time gain nothing; two a multiprocessor keep the memory busy.
  const shares = sharesOf(units, 2 * multiprocessors, Math.ceil(places / (warps * 16)), MOST_SHARES);
  return {
    source: 'attention.cu',
    defines: [`HEAD=${head}`, `VALUE=${valueHead}`, `WARPS=${warps}`, `STAGES=${stages}`],
    grid: [units, shares],
    block: warps * WARP,
    sharedBytes: sharedOf(warps, stages),
    tileTokens: 1,
    least: 0,
    scratchBytes: scratchOf(units, shares, Math.min(group, rows), valueHead),
  };
}

/** Many tokens a sequence. */
function byTokens(size: AttentionSize): AttentionCut {
  const { tokens, heads, head, valueHead } = size;
  const rows = 64;
  const widest = Math.max(head, valueHead);
  const places = widest <= 128 ? 64 : widest <= 192 ? 32 : 16;
  const tiles = 2 * places * (keyStride(size) + valueStride(size));
  const queries = rows * keyStride(size);
  const kept = Math.ceil(head / 16) * 16 <= 128 && queries <= tiles / 2;
  return {
    source: 'attention_prefill.cu',
    defines: [`HEAD=${head}`, `VALUE=${valueHead}`, `PLACES=${places}`],
    grid: [Math.ceil(tokens / rows) * heads, 1],
    block: 4 * WARP,
    sharedBytes: kept ? tiles : tiles + queries,
    tileTokens: rows,
    least: 0,
    scratchBytes: 0,
  };
}

/** Long keys: warps of a block together. A tile has heads of one token, or of several of a prompt. */
function together(
  single: boolean,
  size: AttentionSize,
  latent: boolean,
  { multiprocessors, capability }: AttentionTarget,
): AttentionCut {
  const { tokens, heads, kvHeads, head, rope, valueHead, places } = size;
  const stages = 2;
  const sharedOf = (tiles: number, tilePlaces = 32): number => {
    const rows = 16 * tiles;
    const sharers = tiles === 1 ? tilePlaces / 8 : 8 / tiles;
    const tile = tilePlaces * (keyStride(size) + (latent ? 0 : valueStride(size)));
    const ofRow = keyStride(size) + (tilePlaces * 2 + 16) + sharers * 4 + 3 * 4;
    return rows * ofRow + Math.max(stages * tile, MOST_SHARES * rows * 4) + RING_BYTES;
  };
  const group = heads / kvHeads;
  const most = mostShared(capability);
  const wanted = !single || group > 32 ? 4 : group > 16 ? 2 : 1;
  const tiles = sharedOf(wanted) <= most ? wanted : 1;
  const tilePlaces = tiles === 1 && sharedOf(1, 64) <= most ? 64 : 32;
  const sharedBytes = sharedOf(tiles, tilePlaces);
  const rows = 16 * tiles;
  const tileTokens = single ? 1 : Math.max(1, Math.floor(rows / group));
  const units = Math.ceil(tokens / tileTokens) * kvHeads * Math.ceil(group / rows);
  const least = single ? 64 : 256;
  const blocks = Math.max(1, Math.min(tiles === 1 ? 2 : 1, Math.floor((most + KIB) / (sharedBytes + KIB))));
  // Merging has more to read the more rows there are.
  const shares = sharesOf(units, blocks * multiprocessors, Math.ceil(places / least), tiles === 1 ? 16 : 8);
  return {
    source: 'attention_latent.cu',
    defines: [
      `HEAD=${head}`,
      `ROPE=${rope}`,
      `VALUE=${valueHead}`,
      `LATENT=${latent ? 1 : 0}`,
      `TILES=${tiles}`,
      `PLACES=${tilePlaces}`,
    ],
    grid: [units, shares],
    block: (tiles === 1 && tilePlaces === 32 ? 4 : 8) * WARP,
    sharedBytes,
    tileTokens,
    least,
    scratchBytes: scratchOf(units, shares, tileTokens * Math.min(group, rows), valueHead),
  };
}

/** As many shares as there are places for blocks, but not more than are of use. */
function sharesOf(units: number, blocks: number, ofUse: number, most: number): number {
  if (units > MOST_COUNTERS) return 1;
  return Math.max(1, Math.min(Math.floor(blocks / units), ofUse, most));
}

/** Sums, maximum and sum of weights of every row of every share; nothing where there is one share. */
function scratchOf(units: number, shares: number, rows: number, valueHead: number): number {
  return shares === 1 ? 0 : units * shares * rows * (valueHead + 2) * 4;
}
