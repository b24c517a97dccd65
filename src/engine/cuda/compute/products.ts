/**
 * @file Matrix products: which way each is computed, and the rows of the table for them.
 *
 * Few tokens take our own kernels, which read weights at the speed of memory and ask for them before the kernel before has ended; many take cuBLASLt, where
 * it is there. `tuneProducts` replaces these guesses by what was measured.
 */
import { CrossoverError } from '../../../errors.ts';
import { cublasLt } from '../../../ffi/cublaslt.ts';
import { numberFrom } from '../../../ffi/cuda.ts';
import { ProductLibrary } from './products-library.ts';
import { launchOwn, OWN_SOURCES, type OwnProduct } from './products-own.ts';
import { expertGuess, guess, ownGuess, type ProductShape, type Way } from './products-ways.ts';
import type { ComputeTable, ComputeTarget, ModelSources } from './target.ts';

const SCALES_SOURCE = 'linear_scales.cu';
const SCALES_THREADS = 256;
/** The most rows of a weight whose factor is repeated for cuBLASLt. */
const MOST_SCALES = 1 << 18;
const SCALE_ALIGNMENT = 16;

export const PRODUCT_SOURCES: ModelSources = { ...OWN_SOURCES, [SCALES_SOURCE]: [[]] };

/** What an engine keeps for its products. */
export class Products {
  readonly #target: ComputeTarget;
  readonly #chosen = new Map<string, Way>();
  /** Undefined until it is asked for, null where there is none. */
  #library: ProductLibrary | null | undefined;
  #scales = 0;

  constructor(target: ComputeTarget) {
    this.#target = target;
  }

  /** Undefined where cuBLASLt cannot be used, which is told once. */
  get library(): ProductLibrary | undefined {
    if (this.#library !== undefined) return this.#library ?? undefined;
    const target = this.#target;
    try {
      this.#library = target.loading(() => new ProductLibrary(cublasLt(), target.device));
    } catch (error) {
      if (!(error instanceof CrossoverError)) throw error;
      this.#library = null;
      target.warn(error.message);
    }
    return this.#library ?? undefined;
  }

  choose(shape: ProductShape, way: Way): void {
    this.#chosen.set(keyOf(shape), way);
  }

  wayOf(shape: ProductShape): Way {
    return this.#chosen.get(keyOf(shape)) ?? guess(shape, this.#target, () => this.library !== undefined);
  }

  run(product: OwnProduct): void {
    this.runBy(this.wayOf(product), product);
  }

  runBy(way: Way, product: OwnProduct): void {
    if (way.by !== 'library') launchOwn(way, product, this.#target);
    else if (!this.#runByLibrary(way.algorithm, product))
      launchOwn(ownGuess(product, this.#target), product, this.#target);
  }

  close(): void {
    this.#library?.close();
    if (this.#scales !== 0) this.#target.device.cuda.memFree(this.#scales);
  }

  /** False where cuBLASLt has no way. */
  #runByLibrary(algorithm: Uint8Array | undefined, product: OwnProduct): boolean {
    const target = this.#target;
    const vectors = hasVectors(product);
    const { library } = this;
    if (!library || (vectors && (product.outer > MOST_SCALES || product.xScale % SCALE_ALIGNMENT !== 0)))
      return false;
    const problem = library.problem({ ...product, bias: product.bias !== 0, vectors });
    if (!problem) return false;
    const operands = product.codes ? { ...product, ...this.#scalesOf(product, vectors) } : product;
    if (!library.run(problem, algorithm, operands, (call) => target.loading(call))) return false;
    target.count();
    return true;
  }

  /** Factors as cuBLASLt takes them: vectors for both matrices or for none, that begin at multiples of 16 bytes. */
  #scalesOf(
    { xScale, weightScale, outer }: OwnProduct,
    vectors: boolean,
  ): { readonly xScale: number; readonly weightScale: number } {
    const aligned = (scale: number, at: number): number =>
      scale % SCALE_ALIGNMENT === 0 ? scale : this.#repeated(scale, 1, at);
    if (vectors) return { xScale, weightScale: this.#repeated(weightScale, outer, 0) };
    return {
      xScale: aligned(xScale, SCALE_ALIGNMENT),
      weightScale: aligned(weightScale, 2 * SCALE_ALIGNMENT),
    };
  }

  /** A factor, `count` times, from byte `at` of memory for that on. */
  #repeated(scale: number, count: number, at: number): number {
    const { device } = this.#target;
    const bytes = MOST_SCALES * 4;
    this.#scales ||= this.#target.loading(() =>
      numberFrom((out) => device.cuda.memAlloc(out, bytes), `cuMemAlloc of ${bytes} bytes`),
    );
    this.#target.launch({
      source: SCALES_SOURCE,
      kernel: 'repeat_scale',
      grid: [Math.ceil(count / SCALES_THREADS)],
      block: SCALES_THREADS,
      params: { addresses: [this.#scales + at, scale], integers: [count] },
    });
    return this.#scales + at;
  }
}

const makeProducts = (target: ComputeTarget): Products => new Products(target);

export function productsOf(target: ComputeTarget): Products {
  return target.once(makeProducts);
}

function keyOf({ tokens, outer, inner, groups, codes, scalePerToken = 0 }: ProductShape): string {
  return `${tokens} ${outer} ${inner} ${groups} ${codes} ${scalePerToken}`;
}

/** Whether cuBLASLt is given vectors of scales: for both matrices or for none. */
export function hasVectors({ codes, scalePerToken }: ProductShape): boolean {
  return codes && scalePerToken === 1;
}

/** What a product has not, unless it says so. */
export const PLAIN = {
  groups: 1,
  codes: false,
  bias: 0,
  xScale: 0,
  weightScale: 0,
  scalePerToken: 0,
  order: 0,
  offsets: 0,
  share: 1,
} as const;

export const PRODUCTS: ComputeTable = {
  linear: {
    run(operands, target) {
      if (operands.tokens > 0) productsOf(target).run({ ...PLAIN, ...operands });
    },
  },
  scaled_linear: {
    run(operands, target) {
      if (operands.tokens > 0) productsOf(target).run({ ...PLAIN, ...operands, codes: true });
    },
  },
  head_linear: {
    run(operands, target) {
      if (operands.tokens > 0) productsOf(target).run({ ...PLAIN, ...operands, groups: operands.heads });
    },
  },
  expert_linear: {
    run({ tokens, choices, count, pairs, experts, ...operands }, target) {
      if (tokens === 0) return;
      const product: OwnProduct = {
        ...PLAIN,
        ...operands,
        tokens: tokens * choices,
        groups: count,
        share: pairs === 1 ? 1 : choices,
      };
      launchOwn(expertGuess(product, experts, target), product, target);
    },
  },
};
