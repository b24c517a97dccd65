/**
 * @file Launches of our own matrix products: linear_skinny.cu, linear_tiles.cu, expert_linear.cu, linear_any.cu.
 */
import {
  gridOf,
  type OwnWay,
  type ProductShape,
  roomForTokens,
  type Skinny,
  skinnyShared,
  type Tiles,
  tilesShared,
  type WayTarget,
} from './products-ways.ts';
import type { ComputeTarget, ModelLaunch, ModelSources } from './target.ts';

/** Operands; addresses that a product has not are 0. */
export interface OwnProduct extends ProductShape {
  readonly out: number;
  readonly x: number;
  readonly weight: number;
  readonly bias: number;
  readonly xScale: number;
  readonly weightScale: number;
  readonly scalePerToken: number;
  /** Of experts; 0 where groups are heads. `tokens` are pairs then. */
  readonly order: number;
  readonly offsets: number;
  /** Pairs that have a row of x in common; 1 where groups are heads. */
  readonly share: number;
}

const WARP = 32;
const TILE_ROWS = 128;
const TILE_THREADS = 256;
const ANY_THREADS = 256;
/** Blocks that a grid may have in y. */
const MOST_Y = 65535;
const CODES: readonly string[] = ['CODES=1'];

export const OWN_SOURCES: ModelSources = {
  'linear_skinny.cu': [[], CODES],
  'linear_tiles.cu': [[], CODES],
  'expert_linear.cu': [[]],
  'linear_any.cu': [[]],
};

export function launchOwn(way: OwnWay, product: OwnProduct, target: ComputeTarget): void {
  target.launch(
    way.by === 'skinny'
      ? skinny(way, product, target)
      : way.by === 'tiles'
        ? tiles(way, product)
        : any(product),
  );
}

/** Tiles of `size` tokens: of all, or of every expert's own, of which there can be no more than this. */
function tokenTiles({ order, tokens, groups }: OwnProduct, size: number): number {
  if (order === 0) return Math.ceil(tokens / size);
  return Math.floor((tokens + Math.min(groups, tokens) * (size - 1)) / size);
}

function skinny(way: Skinny, product: OwnProduct, target: WayTarget): ModelLaunch {
  const y = tokenTiles(product, way.tokens);
  const z = product.order === 0 ? product.groups : 1;
  const room = roomForTokens(way, product.tokens);
  const sharedBytes = skinnyShared(way, product.tokens);
  const { span, blocks } = gridOf(way, product, target, y * z);
  return {
    ...functionOf(product, 'linear_skinny.cu', `skinny_${way.tokens}x${way.rows}`),
    grid: [blocks * way.cluster, y, z],
    block: way.warps * WARP,
    sharedBytes,
    cluster: way.cluster,
    params: parameters(product, [span, room]),
  };
}

function tiles(way: Tiles, product: OwnProduct): ModelLaunch {
  return {
    ...functionOf(product, 'linear_tiles.cu', `tiles_${way.tokens}`),
    grid: [
      Math.ceil(product.outer / TILE_ROWS) * way.cluster,
      tokenTiles(product, way.tokens),
      product.order === 0 ? product.groups : 1,
    ],
    block: TILE_THREADS,
    sharedBytes: tilesShared(way),
    cluster: way.cluster,
    params: parameters(product, [1]),
  };
}

function any(product: OwnProduct): ModelLaunch {
  const experts = product.order !== 0;
  return {
    source: 'linear_any.cu',
    kernel: experts ? 'expert_any' : 'linear_any',
    grid: [
      Math.ceil(product.outer / (ANY_THREADS / WARP)),
      Math.min(product.tokens, MOST_Y),
      experts ? 1 : product.groups,
    ],
    block: ANY_THREADS,
    params: parameters(product, [1]),
  };
}

function functionOf(
  { order, codes }: OwnProduct,
  source: string,
  name: string,
): { source: string; kernel: string; defines?: readonly string[] } {
  if (order !== 0) return { source: 'expert_linear.cu', kernel: `expert_${name}` };
  return codes ? { source, kernel: `linear_${name}`, defines: CODES } : { source, kernel: `linear_${name}` };
}

/** PRODUCT_PARAMETERS of products.cuh, from the last integer on the kernel's own. */
function parameters(product: OwnProduct, last: readonly number[]): ModelLaunch['params'] {
  const { out, x, weight, bias, xScale, weightScale, order, offsets } = product;
  const { tokens, outer, inner, groups, share, scalePerToken } = product;
  return {
    addresses: [out, x, weight, bias, xScale, weightScale, order, offsets],
    integers: [tokens, outer, inner, groups, share, scalePerToken, ...last],
  };
}
