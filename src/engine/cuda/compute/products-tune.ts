/**
 * @file Finds the fastest way to compute products by measuring, on rank 0, and tells all ranks: what is computed on every rank alike then has the same bits
 * everywhere. What is timed is a CUDA graph of several products in a row, by `stopwatch`. Weights are read from memory and not from the cache, as a model's are: they
 * rotate through more than the cache holds, where there is room for that.
 */
import { CrossoverError } from '../../../errors.ts';
import { CUDA_SUCCESS, check } from '../../../ffi/cuda.ts';
import type { Group } from '../../../group/group.ts';
import type { Product } from '../../compute.ts';
import { validateCompute } from '../../validate-compute.ts';
import type { Device } from '../device.ts';
import { hasVectors, PLAIN, type Products, productsOf } from './products.ts';
import type { OwnProduct } from './products-own.ts';
import { bytesOf, ownCandidates, type ProductShape, type Way } from './products-ways.ts';
import { Stopwatch } from './stopwatch.ts';
import type { ComputeTarget } from './target.ts';

/** Two numbers of bf16, 1.5 and -1.5, or four codes of f8e4m3: something that is not 0. */
const PATTERN = 0x3fc0bfc0;
/** Of a recording, in microseconds, as far as one launch is not longer. */
const RECORDING = 100;
const MOST_LAUNCHES = 48;
/** For estimates only: bytes and operations a microsecond, and microseconds that a kernel takes at least. */
const BYTES = 4e6;
const OPERATIONS = 6e8;
const LEAST = 2;
/** Weights rotate through so many caches, as far as one recording goes: with fewer, part of them is still there. */
const CACHES = 8;
/** The least that a recording reads, in caches: a replay finds nothing there of the one before. */
const RECORDED_CACHES = 2;
/** Products that take longer, in microseconds, are tried with few of cuBLASLt's suggestions, and once. */
const LONG = 1000;
const FEW_SUGGESTIONS = 4;
/** How much slower than the fastest so far a first look shows that there need be no second. */
const HOPELESS = 1.3;
/** How much faster another way must be than the first guess. */
const BETTER = 0.98;

/** Collective over the group; outside of captures, with nothing under way. @throws CrossoverError for what is no product */
export function tuneProducts(products: readonly Product[], target: ComputeTarget, group: Group): void {
  if (target.capturing)
    throw new CrossoverError('products cannot be tuned while a recording is made; tune them before');
  const shapes = distinct(products.map(shapeOf));
  if (shapes.length === 0) return;
  const own = productsOf(target);
  // Algorithms are of one version of the library, which all ranks must have.
  const versions = group.gather(own.library?.version ?? 0);
  const common = versions.every((version) => version === versions[0]) && versions[0] !== 0;
  const room = group.rank === 0 ? new Room(target, shapes) : undefined;
  try {
    for (const shape of shapes) {
      const way = group.broadcast(room && fastest(shape, own, target, common, room));
      if (way) own.choose(shape, way);
    }
  } finally {
    room?.free();
  }
}

function shapeOf({ kernel, tokens, heads, outer, inner, scalePerToken = 0 }: Product): ProductShape {
  const none = { out: 0, x: 0, weight: 0, bias: 0, xScale: 0, weightScale: 0 };
  const sizes = { tokens, outer, inner, heads, scalePerToken };
  validateCompute(kernel, { ...none, ...sizes }, 'shape');
  if (kernel !== 'head_linear' && heads !== 1)
    throw new CrossoverError(`${kernel}: heads is ${heads}; use 1, or head_linear`);
  return { tokens, outer, inner, groups: heads, codes: kernel === 'scaled_linear', scalePerToken };
}

function distinct(shapes: readonly ProductShape[]): ProductShape[] {
  const found = new Map(shapes.map((shape) => [JSON.stringify(shape), shape]));
  return [...found.values()].filter(({ tokens }) => tokens > 0);
}

/** Microseconds, roughly. */
function estimate(shape: ProductShape): number {
  const { tokens, outer, inner, groups } = shape;
  return LEAST + weightBytes(shape) / BYTES + (2 * tokens * groups * outer * inner) / OPERATIONS;
}

function weightBytes(shape: ProductShape): number {
  return shape.groups * shape.outer * shape.inner * bytesOf(shape);
}

/** The guess where there is no memory to measure in. */
function fastest(
  shape: ProductShape,
  own: Products,
  target: ComputeTarget,
  library: boolean,
  room: Room,
): Way {
  const ways = candidates(shape, own, target, library);
  const places = room.placesOf(shape);
  if (ways.length < 2 || !places) return ways[0]!;
  const { weights, x, out, scales } = places;
  const time = estimate(shape);
  const cold = (RECORDED_CACHES * target.device.cacheBytes) / weightBytes(shape);
  const least = time < RECORDING ? cold : time < LONG ? 2 : 1;
  const launches = Math.ceil(Math.min(MOST_LAUNCHES, Math.max(RECORDING / time, least)));
  const { scalePerToken = 0 } = shape;
  const operands = { ...PLAIN, ...shape, scalePerToken, out, x, xScale: scales, weightScale: scales };
  const product = (i: number): OwnProduct => ({ ...operands, weight: weights[i % weights.length]! });
  const watch = new Stopwatch(target);
  try {
    let best: Way | undefined;
    let shortest = Number.POSITIVE_INFINITY;
    for (const way of ways) {
      const enough = time > LONG ? 0 : shortest * HOPELESS;
      const found = watch.time(launches, enough, (i) => own.runBy(way, product(i)));
      if (found >= shortest) continue;
      shortest = best ? found : found * BETTER;
      best = way;
    }
    return best!;
  } finally {
    watch.close();
  }
}

/** The guess comes first. */
function candidates(shape: ProductShape, own: Products, target: ComputeTarget, library: boolean): Way[] {
  const count = estimate(shape) > LONG ? FEW_SUGGESTIONS : undefined;
  const problem = library
    ? own.library!.problem({ ...shape, bias: false, vectors: hasVectors(shape) })
    : undefined;
  const suggested = (problem?.algorithms.slice(0, count) ?? []).map(
    (algorithm): Way => ({ by: 'library', algorithm }),
  );
  const ours = ownCandidates(shape, target, suggested.length > 0);
  return own.wayOf(shape).by === 'library' ? [...suggested, ...ours] : [...ours, ...suggested];
}

interface Places {
  readonly weights: readonly number[];
  readonly x: number;
  readonly out: number;
  /** 0 where there are none. */
  readonly scales: number;
}

/** Memory to measure in, filled with something: as much as the largest product needs, and for less than that where there is no more. */
class Room {
  readonly #target: ComputeTarget;
  readonly #device: Device;
  readonly #weights: Region;
  readonly #x: Region;
  readonly #out: Region;

  constructor(target: ComputeTarget, shapes: readonly ProductShape[]) {
    const { device } = target;
    this.#target = target;
    this.#device = device;
    const most = (bytes: (shape: ProductShape) => number): number => Math.max(...shapes.map(bytes));
    const x = ({ tokens, groups, inner }: ProductShape): number => tokens * groups * inner * 2;
    const out = ({ tokens, groups, outer }: ProductShape): number => tokens * groups * outer * 2;
    const rotation = CACHES * device.cacheBytes;
    this.#x = allocate(device, [most(x), most(x) / 8]);
    this.#out = allocate(device, [most(out), most(out) / 8]);
    this.#weights = allocate(device, [
      Math.max(rotation, most(weightBytes)),
      rotation,
      rotation / 2,
      rotation / 8,
    ]);
  }

  placesOf(shape: ProductShape): Places | undefined {
    const { tokens, groups, outer, inner, codes } = shape;
    const weight = Math.ceil(weightBytes(shape) / 256) * 256;
    const copies = Math.min(
      Math.floor(this.#weights.bytes / weight),
      Math.ceil((CACHES * this.#device.cacheBytes) / weight),
    );
    const fits =
      copies > 0 &&
      tokens * groups * inner * 2 <= this.#x.bytes &&
      tokens * groups * outer * 2 <= this.#out.bytes;
    if (!fits) return undefined;
    return {
      weights: Array.from({ length: copies }, (_, i) => this.#weights.address + i * weight),
      x: this.#x.address,
      out: this.#out.address,
      // Any float32 will do, and as many as there are tokens.
      scales: codes ? this.#weights.address : 0,
    };
  }

  free(): void {
    this.#target.wait();
    for (const { address } of [this.#weights, this.#x, this.#out])
      if (address !== 0) this.#device.cuda.memFree(address);
  }
}

interface Region {
  readonly address: number;
  readonly bytes: number;
}

/** The first of these sizes that there is memory for. */
function allocate({ cuda, stream }: Device, sizes: readonly number[]): Region {
  const out = new BigUint64Array(1);
  for (const size of sizes) {
    const bytes = Math.ceil(size / 256) * 256;
    if (cuda.memAlloc(out, bytes) !== CUDA_SUCCESS) continue;
    const address = Number(out[0]);
    check(cuda.memsetD32Async(address, PATTERN, bytes / 4, stream), 'cuMemsetD32Async');
    return { address, bytes };
  }
  return { address: 0, bytes: 0 };
}
