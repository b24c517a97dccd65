/**
 * @file Finds the fastest way to compute products by measuring, on rank 0, and tells all ranks: what is computed on every rank alike then has the same bits
 * everywhere. Weights are read from memory and not from the cache, as a model's are: they rotate through more than the cache holds, where
 * there is room for that. What is timed is a CUDA graph of several products in a row.
 */
import {
  CUDA_SUCCESS,
  type CUevent,
  type CUgraph,
  type CUgraphExec,
  check,
  handleFrom,
} from '../../../ffi/cuda.ts';
import type { Group } from '../../../group/group.ts';
import type { Product } from '../../compute.ts';
import { type Device, isIdle } from '../device.ts';
import { PLAIN, type Products, productsOf } from './products.ts';
import type { OwnProduct } from './products-own.ts';
import { bytesOf, ownCandidates, type ProductShape, type Way } from './products-ways.ts';
import type { ComputeTarget } from './target.ts';

const RELAXED = 2;
/** Two numbers of bf16, 1.5 and -1.5, or four codes of f8e4m3: something that is not 0. */
const PATTERN = 0x3fc0bfc0;
/** Of a recording, in microseconds, as far as one launch is not longer. */
const RECORDING = 150;
const MOST_LAUNCHES = 24;
/** For estimates only: bytes and operations a microsecond, and microseconds that a kernel takes at least. */
const BYTES = 4e6;
const OPERATIONS = 6e8;
const LEAST = 2;
/** Of the cache's size: what weights rotate through. */
const CACHES = 2.5;
/** Suggestions of cuBLASLt that are tried for products that take long, whose time is not in the details. */
const FEW_SUGGESTIONS = 4;
const LONG = 1000;

/** Collective over the group; outside of captures, with nothing under way. */
export function tuneProducts(products: readonly Product[], target: ComputeTarget, group: Group): void {
  const own = productsOf(target);
  const shapes = distinct(products.map(shapeOf));
  // Algorithms are of one version of the library, which all ranks must have.
  const versions = group.gather(own.library?.version ?? 0);
  const common = versions.every((version) => version === versions[0]) && versions[0] !== 0;
  for (const shape of shapes) {
    const way = group.broadcast(group.rank === 0 ? fastest(shape, own, target, common) : undefined);
    if (way) own.choose(shape, way);
  }
}

function shapeOf({ kernel, tokens, heads, outer, inner }: Product): ProductShape {
  return { tokens, outer, inner, groups: heads, codes: kernel === 'scaled_linear' };
}

function distinct(shapes: readonly ProductShape[]): ProductShape[] {
  const found = new Map(shapes.map((shape) => [JSON.stringify(shape), shape]));
  return [...found.values()].filter(({ tokens }) => tokens > 0);
}

/** Undefined where there is no memory to measure in: the guess stays. */
function fastest(
  shape: ProductShape,
  own: Products,
  target: ComputeTarget,
  library: boolean,
): Way | undefined {
  const { device } = target;
  const { tokens, outer, inner, groups } = shape;
  const weight = groups * outer * inner * bytesOf(shape);
  const x = tokens * groups * inner * bytesOf(shape);
  const out = tokens * groups * outer * 2;
  const estimate = LEAST + weight / BYTES + (2 * tokens * groups * outer * inner) / OPERATIONS;
  const ways: Way[] = ownCandidates(shape, target, library);
  if (library) {
    const problem = own.library!.problem({ ...shape, bias: false, vectors: false });
    const algorithms = problem?.algorithms.slice(0, estimate > LONG ? FEW_SUGGESTIONS : undefined) ?? [];
    const many = ways.filter((way) => way.by === 'skinny' || tokens <= 64);
    ways.splice(0, ways.length, ...(algorithms.length > 0 ? many : ways));
    ways.push(...algorithms.map((algorithm): Way => ({ by: 'library', algorithm })));
  }
  if (ways.length < 2) return ways[0];
  const rotation = Math.max(1, Math.ceil((CACHES * device.cacheBytes) / weight));
  for (const copies of rotation > 1 ? [rotation, 1] : [1]) {
    const room = new Room(device, [copies * round(weight), round(x), round(out), 256]);
    if (!room.there) continue;
    try {
      const [weights, inputs, outputs, scales] = room.addresses as [number, number, number, number];
      const launches = Math.max(1, Math.min(MOST_LAUNCHES, Math.round(RECORDING / estimate)));
      const product = (i: number): OwnProduct => ({
        ...PLAIN,
        ...shape,
        out: outputs,
        x: inputs,
        weight: weights + (i % copies) * round(weight),
        xScale: shape.codes ? scales : 0,
        weightScale: shape.codes ? scales : 0,
      });
      let best: Way | undefined;
      let least = Number.POSITIVE_INFINITY;
      for (const way of ways) {
        const time = timed(device, launches, least, (i) => own.runBy(way, product(i)));
        if (time >= least) continue;
        least = time;
        best = way;
      }
      return best;
    } finally {
      room.free();
    }
  }
  return undefined;
}

/** To what addresses are aligned to. */
function round(bytes: number): number {
  return Math.ceil(bytes / 256) * 256;
}

/** Memory for one product's measurement, filled with something. */
class Room {
  readonly addresses: number[] = [];
  readonly there: boolean;
  readonly #device: Device;

  constructor(device: Device, sizes: readonly number[]) {
    this.#device = device;
    const address = new BigUint64Array(1);
    this.there = sizes.every((bytes) => {
      if (device.cuda.memAlloc(address, bytes) !== CUDA_SUCCESS) return false;
      this.addresses.push(Number(address[0]));
      check(
        device.cuda.memsetD32Async(this.addresses.at(-1)!, PATTERN, bytes / 4, device.stream),
        'cuMemsetD32Async',
      );
      return true;
    });
    if (!this.there) this.free();
  }

  free(): void {
    wait(this.#device);
    for (const address of this.addresses.splice(0)) this.#device.cuda.memFree(address);
  }
}

/** Microseconds of one of `launches` launches in a row; a first look that is half as slow again as `least` is enough. */
function timed(device: Device, launches: number, least: number, launch: (i: number) => void): number {
  const { cuda, stream } = device;
  // Loads what is to be loaded, which a capture might not allow.
  launch(0);
  check(cuda.streamBeginCapture(stream, RELAXED), 'cuStreamBeginCapture');
  const made = new BigUint64Array(1);
  try {
    for (let i = 0; i < launches; i++) launch(i);
  } finally {
    cuda.streamEndCapture(stream, made);
  }
  const graph = made[0] as CUgraph;
  const exec = handleFrom<CUgraphExec>((out) => cuda.graphInstantiate(out, graph, 0), 'cuGraphInstantiate');
  const create = (): CUevent => handleFrom((out) => cuda.eventCreate(out, 0), 'cuEventCreate');
  const [start, stop] = [create(), create()];
  const milliseconds = new Float32Array(1);
  let best = Number.POSITIVE_INFINITY;
  try {
    check(cuda.graphLaunch(exec, stream), 'cuGraphLaunch');
    for (let again = 0; again < 3; again++) {
      check(cuda.eventRecord(start, stream), 'cuEventRecord');
      check(cuda.graphLaunch(exec, stream), 'cuGraphLaunch');
      check(cuda.eventRecord(stop, stream), 'cuEventRecord');
      wait(device);
      check(cuda.eventElapsedTime(milliseconds, start, stop), 'cuEventElapsedTime');
      best = Math.min(best, (milliseconds[0]! * 1000) / launches);
      if (best > 1.5 * least || best > LONG) break;
    }
  } finally {
    cuda.eventDestroy(start);
    cuda.eventDestroy(stop);
    cuda.graphExecDestroy(exec);
    cuda.graphDestroy(graph);
  }
  return best;
}

function wait(device: Device): void {
  while (!isIdle(device));
}
