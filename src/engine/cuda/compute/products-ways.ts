/**
 * @file The ways to compute a matrix product, which of them are worth trying, and which is taken without having tried. All of it follows from the shape and
 * the kind of device, so that ranks, and variants of a model, compute the same product with the same bits.
 */
import { mostShared } from './shape.ts';

/** A product's shape: out [tokens, groups, outer] = x [tokens, groups, inner] by weight [groups, outer, inner]. */
export interface ProductShape {
  readonly tokens: number;
  readonly outer: number;
  readonly inner: number;
  /** Heads, or experts. */
  readonly groups: number;
  /** Whether x and weight are f8e4m3 codes and not bf16. */
  readonly codes: boolean;
  /** Of codes: 1 where x has a scale a token, 0 by default. */
  readonly scalePerToken?: number | undefined;
}

/** Tiles of few tokens by 16 or 32 rows of weights: skinny.cuh. */
export interface Skinny {
  readonly by: 'skinny';
  readonly tokens: 8 | 16;
  readonly rows: 16 | 32;
  /** Warps of a block, which take turns along k. */
  readonly warps: 4 | 8 | 16;
  /** Blocks for a multiprocessor at most; a block takes as many tiles of rows, one after another, as that needs. */
  readonly blocks: number;
  /** Blocks of a cluster, which take turns along k. */
  readonly cluster: number;
}

/** Tiles of many tokens by 128 rows of weights: tiles.cuh. */
export interface Tiles {
  readonly by: 'tiles';
  readonly tokens: 32 | 64 | 128;
  readonly cluster: number;
}

/** One by one: linear_any.cu. */
export interface Any {
  readonly by: 'any';
}

/** cuBLASLt; by its first suggestion where no algorithm is given. */
export interface FromLibrary {
  readonly by: 'library';
  readonly algorithm?: Uint8Array | undefined;
}

export type OwnWay = Skinny | Tiles | Any;
export type Way = OwnWay | FromLibrary;

/** What ways depend on besides shapes. */
export interface WayTarget {
  readonly multiprocessors: number;
  /** 10 x major + minor. */
  readonly capability: number;
}

/** Tokens up to which the time is that of reading the weights once. */
const FEW_TOKENS = 16;
const TILE_ROWS = 128;
/** Bytes of a row that a step takes. */
const STEP_BYTES = 128;
const CLUSTERS_FROM = 90;

export function bytesOf({ codes }: ProductShape): number {
  return codes ? 1 : 2;
}

/** Whether rows are whole numbers of 16 bytes. */
export function wholeRows(shape: ProductShape): boolean {
  return (shape.inner * bytesOf(shape)) % 16 === 0;
}

/** Tokens of a tile of 8 that have room in a ring: a power of 2. */
export function roomForTokens(way: Skinny, tokens: number): number {
  return way.tokens > 8 || tokens > 4 ? 8 : tokens > 2 ? 4 : tokens;
}

/** Shared memory of a block, in bytes, as skinny.cuh divides it: sums twice, and a ring for each warp. */
export function skinnyShared(way: Skinny, tokens: number): number {
  const stages = way.tokens === 8 ? 4 : 3;
  const ring = stages * (way.rows * STEP_BYTES + way.tokens * 16 * roomForTokens(way, tokens));
  return way.warps * (2 * way.tokens * (way.rows + 4) * 4 + ring);
}

/** Shared memory of a block, in bytes: a ring, in which sums lie at the end. */
export function tilesShared({ tokens }: Tiles): number {
  const stages = tokens === 128 ? 3 : 4;
  return Math.max(stages * (TILE_ROWS + tokens) * STEP_BYTES, tokens * (TILE_ROWS + 4) * 4);
}

// ---------- what is taken untried ----------

/** The fastest for most shapes of Llama 8B and 70B on an H200, of two heights of tiles. */
const GUESSES_OF_8: readonly Skinny[] = [
  { by: 'skinny', tokens: 8, rows: 32, warps: 8, blocks: 1, cluster: 1 },
  { by: 'skinny', tokens: 8, rows: 16, warps: 16, blocks: 1, cluster: 1 },
];
const GUESSES_OF_16: readonly Skinny[] = [
  { by: 'skinny', tokens: 16, rows: 32, warps: 8, blocks: 1, cluster: 1 },
  { by: 'skinny', tokens: 16, rows: 16, warps: 8, blocks: 1, cluster: 1 },
];

/** Of our own kernels. */
export function ownGuess(shape: ProductShape, target: WayTarget): OwnWay {
  const { tokens, groups } = shape;
  if (!wholeRows(shape)) return { by: 'any' };
  if (tokens > FEW_TOKENS) return tilesGuess(shape, target, tokens <= 32 ? 32 : tokens <= 64 ? 64 : 128);
  const ways: Skinny[] = (tokens <= 8 ? GUESSES_OF_8 : GUESSES_OF_16).map((way) =>
    fitting(way, shape, target),
  );
  // What a multiprocessor gets from memory is limited: the more of them are at work, the better. Lower tiles read x more often, though, which counts when it is large.
  const worth = tokens <= 8 ? 1 : 1.5;
  const [first, second] = ways as [Skinny, Skinny];
  const blocks = (way: Skinny): number => gridOf(way, shape, target, groups).blocks;
  return blocks(second) > worth * blocks(first) ? second : first;
}

/** How the rows of a product are divided: tiles of rows that a block takes, and blocks, clusters counted once. */
export function gridOf(
  way: Skinny,
  { outer, tokens }: ProductShape,
  { multiprocessors, capability }: WayTarget,
  sideBySide: number,
): { readonly span: number; readonly blocks: number } {
  const fit = Math.max(
    1,
    Math.min(way.blocks, Math.floor(mostShared(capability) / skinnyShared(way, tokens))),
  );
  const tiles = Math.ceil(outer / way.rows);
  const atATime = Math.max(1, Math.floor((fit * multiprocessors) / (way.cluster * sideBySide)));
  const span = Math.ceil(tiles / atATime);
  return { span, blocks: Math.ceil(tiles / span) };
}

/** The library where it is there and tokens are not few. */
export function guess(shape: ProductShape, target: WayTarget, library: () => boolean): Way {
  if ((shape.tokens > FEW_TOKENS || !wholeRows(shape)) && library()) return { by: 'library' };
  return ownGuess(shape, target);
}

/** Pairs for an expert, in the mean, from which on tiles are faster; most of the experts that have any have more than one then. */
const FEW_OF_EXPERT = 0.6;

/**
 * Of experts' products: `tokens` are the pairs of all ranks' experts then, of which there are `experts`. Measured on an H200 with 64 and 128 experts, of which a token has 6 and 8,
 * on cold weights.
 */
export function expertGuess(shape: ProductShape, experts: number, target: WayTarget): OwnWay {
  if (!wholeRows(shape)) return { by: 'any' };
  const each = shape.tokens / experts;
  if (each < FEW_OF_EXPERT)
    return fitting({ by: 'skinny', tokens: 8, rows: 32, warps: 4, blocks: 2, cluster: 1 }, shape, target);
  return { by: 'tiles', tokens: each < 24 ? 32 : 64, cluster: 1 };
}

/** With so many blocks along k that multiprocessors have one each, as long as each has four steps. */
function tilesGuess(shape: ProductShape, target: WayTarget, tokens: Tiles['tokens']): Tiles {
  const blocks = Math.ceil(shape.outer / TILE_ROWS) * Math.ceil(shape.tokens / tokens) * shape.groups;
  const steps = (shape.inner * bytesOf(shape)) / STEP_BYTES;
  let cluster = 1;
  if (target.capability >= CLUSTERS_FROM)
    while (cluster < 8 && 2 * cluster * blocks <= target.multiprocessors && steps >= 8 * cluster)
      cluster *= 2;
  return { by: 'tiles', tokens, cluster };
}

/** With as many warps as the device's shared memory has rings for. */
function fitting(way: Skinny, { tokens }: ProductShape, target: WayTarget): Skinny {
  const most = mostShared(target.capability);
  let { warps } = way;
  while (warps > 4 && skinnyShared({ ...way, warps }, tokens) > most) warps = warps === 16 ? 8 : 4;
  return { ...way, warps };
}

// ---------- what is worth trying ----------

type Row = readonly [rows: 16 | 32, warps: 4 | 8 | 16, blocks: number, cluster: number];
/** The fastest on an H200 for one shape of Llama 8B's and 70B's or another. */
const FEW: readonly Row[] = [
  [32, 8, 1, 1],
  [16, 16, 1, 1],
  [16, 8, 2, 1],
  [32, 4, 2, 1],
  [32, 4, 2, 4],
  [32, 4, 3, 4],
];
const SOME: readonly Row[] = [
  [32, 8, 1, 1],
  [32, 4, 1, 1],
  [16, 8, 1, 1],
  [16, 8, 1, 2],
];

/** Our own ways that may be the fastest. */
export function ownCandidates(shape: ProductShape, target: WayTarget, library: boolean): OwnWay[] {
  const { tokens } = shape;
  if (!wholeRows(shape)) return [{ by: 'any' }];
  const ways: OwnWay[] = [];
  const clusters = target.capability >= CLUSTERS_FROM;
  if (tokens <= 2 * FEW_TOKENS) {
    for (const [rows, warps, blocks, cluster] of tokens <= 8 ? FEW : SOME) {
      const way: Skinny = { by: 'skinny', tokens: tokens <= 8 ? 8 : 16, rows, warps, blocks, cluster };
      const fits = blocks * skinnyShared(way, tokens) <= mostShared(target.capability);
      if (fits && (cluster === 1 || clusters)) ways.push(way);
    }
  }
  // Where there is the library, it is the faster one from here on.
  if (tokens > 4 && (!library || tokens <= 64)) {
    for (const size of [32, 64, 128] as const) {
      if (size > 32 && size >= 2 * tokens) continue;
      const { cluster } = tilesGuess(shape, target, size);
      ways.push({ by: 'tiles', tokens: size, cluster });
      if (clusters && cluster < 8) ways.push({ by: 'tiles', tokens: size, cluster: 2 * cluster });
    }
  }
  const first = ownGuess(shape, target);
  const known = JSON.stringify(first);
  return [first, ...ways.filter((way) => JSON.stringify(way) !== known)];
}
