/**
 * @file A graph compiled for an engine and for exact sizes: its nodes as calls, on working memory that the placement pass has laid out. What it enqueues can
 * be captured and replayed; inputs, weights and caches lie where the caller has put them.
 */
import type { Communicator } from '../../collective/communicator.ts';
import type { Product } from '../../engine/compute.ts';
import { CrossoverError } from '../../errors.ts';
import { evaluateDim } from '../ir/dim.ts';
import { type Graph, isValue, type Node, type Value } from '../ir/graph.ts';
import { place } from '../place/place.ts';
import type { Placement } from '../place/placement.ts';
import { sameMemory } from '../place/views.ts';
import { checkRunnable, lowerOf } from './lower.ts';
import { product, Site, type SiteContext } from './site.ts';

/** Sizes of one step. */
export interface Sizes {
  /** Of every symbol of the graph, on this rank. */
  readonly symbols: ReadonlyMap<string, number>;
  /** The largest on any rank, equal on all of them, where ranks differ; `symbols` by default. */
  readonly bounds?: ReadonlyMap<string, number> | undefined;
}

export interface StepOptions extends Sizes {
  /** Addresses of the graph's inputs by name, weights and caches among them. */
  readonly inputs: ReadonlyMap<string, number>;
  /** Of `workingBytes` bytes. In the symmetric heap, unless everything is copied through it on purpose. */
  readonly working: number;
  readonly scratch: Scratch;
  /** Of `layOut` for the same graph and sizes, where somebody has it already. */
  readonly placement?: Placement | undefined;
  readonly choose?: SiteContext['choose'] | undefined;
  /** Rows of every rank, where ranks gather and scatter unequal parts. */
  readonly parts?: readonly number[] | undefined;
  /** Leaves out what ranks do together, to find out how long the rest takes; false by default. */
  readonly alone?: boolean | undefined;
  /** Whether many neighbouring tokens are of one sequence; false by default. */
  readonly prompt?: boolean | undefined;
  /** The most places that a sequence has; what its pages hold by default. */
  readonly places?: number | undefined;
}

/** Memory for kernels that are enqueued one after the other. */
export class Scratch {
  readonly #comm: Communicator;
  #address = 0;
  #bytes = 0;

  constructor(comm: Communicator) {
    this.#comm = comm;
  }

  /** What was given before stays as it is: recordings may use it. */
  take(bytes: number): number {
    if (bytes > this.#bytes) {
      const { engine, heap } = this.#comm;
      this.#address = engine.allocate ? engine.allocate(bytes) : heap.allocate(bytes);
      this.#bytes = bytes;
    }
    return this.#address;
  }
}

/** Where everything that the nodes of a graph make lies, for exact sizes. */
export function layOut(graph: Graph, worldSize: number, { symbols, bounds }: Sizes): Placement {
  return place(graph, { worldSize, symbols: bounds ?? symbols, everything: true });
}

/** Bytes of working memory that a step of these sizes takes. */
export function workingBytes(graph: Graph, worldSize: number, sizes: Sizes): number {
  return layOut(graph, worldSize, sizes).arenaBytes;
}

export class Step {
  readonly graph: Graph;
  readonly #comm: Communicator;
  readonly #options: StepOptions;
  readonly #placement: Placement;
  readonly #addresses = new Map<Value, number>();
  readonly #run: readonly (() => void)[];

  /** @throws CrossoverError for operations and sizes that engines do not run, for weights that a node makes, and for an input that is missing */
  constructor(comm: Communicator, graph: Graph, options: StepOptions) {
    checkRunnable(graph);
    this.graph = graph;
    this.#comm = comm;
    this.#options = options;
    this.#placement = options.placement ?? layOut(graph, comm.worldSize, options);
    this.#place();
    for (const { node, operands } of this.#placement.collectives) {
      const copied = operands.find(
        ({ place: where }) => where.where === 'outside' && where.copyTo !== undefined,
      );
      if (copied)
        throw new CrossoverError(
          `${node.op} at ${node.origin || graph.name} overwrites ${copied.value.name}, which is needed later; engines run it only where it is not`,
        );
    }
    const context = this.#context();
    this.#run = graph.nodes.map((node) => {
      const [lower, site] = [lowerOf(node.op, options.alone), new Site(node, context)];
      return () => lower(site);
    });
  }

  /** Enqueues everything, or records it while the communicator captures. Collective. */
  enqueue(): void {
    for (const run of this.#run) run();
  }

  /** Address of one of the graph's outputs, or of any value. */
  address(value: Value): number {
    const address = this.#addresses.get(value);
    if (address !== undefined) return address;
    throw new CrossoverError(`%${value.name} has no memory in ${this.graph.name}`);
  }

  /** Sizes of a value, exact. */
  shape(value: Value): readonly number[] {
    if (value.type.kind !== 'tensor') return [];
    return value.type.shape.map((dim) => evaluateDim(dim, this.#options.symbols));
  }

  /** Matrix products in it, for the engine to tune. */
  get products(): readonly Product[] {
    return this.graph.nodes.flatMap((node) => this.#productOf(node));
  }

  #productOf({ op, operands }: Node): readonly Product[] {
    if (op !== 'linear' && op !== 'scaled_linear' && op !== 'head_linear') return [];
    const [x, weight] = [operands.x, operands.weight].map((one) => (isValue(one) ? this.shape(one) : []));
    const heads = op === 'head_linear' ? weight![0]! : 1;
    const [outer, inner] = weight!.slice(-2) as [number, number];
    const tokens = op === 'head_linear' ? x![0]! : product(x!.slice(0, -1));
    if (tokens === 0) return [];
    const isPerToken = isValue(operands.x_scale) && this.shape(operands.x_scale).length > 1;
    return [{ kernel: op, tokens, heads, outer, inner, ...(isPerToken && { scalePerToken: 1 }) }];
  }

  #place(): void {
    const { inputs, working } = this.#options;
    for (const { value } of this.graph.inputs) {
      const address = inputs.get(value.name);
      if (address === undefined)
        throw new CrossoverError(`${this.graph.name} reads ${value.name}, which is not given`);
      this.#addresses.set(value, address);
    }
    for (const node of this.graph.nodes) {
      const same = sameMemory(node);
      for (const value of node.outputs) {
        const root = same.get(value);
        const offset = this.#placement.offsets.get(value);
        if (root) this.#addresses.set(value, this.address(root));
        else if (offset !== undefined) this.#addresses.set(value, working + offset);
      }
    }
  }

  #context(): SiteContext {
    const { prompt = false, scratch, choose, parts, places } = this.#options;
    return {
      comm: this.#comm,
      prompt,
      parts,
      places: places ?? Number.MAX_SAFE_INTEGER,
      address: (value) => this.address(value),
      shape: (value) => this.shape(value),
      scratch: (bytes) => scratch.take(bytes),
      choose: (...request) => choose?.(...request),
    };
  }
}
