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

export const PRODUCT_SOURCES: ModelSources = { ...OWN_SOURCES, [SCALES_SOURCE]: [[]] };

/** What an engine keeps for its products. */
export class Products {
  /** Undefined where cuBLASLt cannot be used. */
  readonly library: ProductLibrary | undefined;
  /** Why it cannot. */
  readonly without: string | undefined;
  readonly #target: ComputeTarget;
  readonly #chosen = new Map<string, Way>();
  #scales = 0;

  constructor(target: ComputeTarget) {
    this.#target = target;
    try {
      this.library = target.loading(() => new ProductLibrary(cublasLt(), target.device));
    } catch (error) {
      if (!(error instanceof CrossoverError)) throw error;
      this.without = error.message;
    }
  }

  choose(shape: ProductShape, way: Way): void {
    this.#chosen.set(keyOf(shape), way);
  }

  wayOf(shape: ProductShape): Way {
    return this.#chosen.get(keyOf(shape)) ?? guess(shape, this.#target, this.library !== undefined);
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
    this.library?.close();
    if (this.#scales !== 0) this.#target.device.cuda.memFree(this.#scales);
  }

  /** False where cuBLASLt has no way. */
  #runByLibrary(algorithm: Uint8Array | undefined, product: OwnProduct): boolean {
    const target = this.#target;
    const vectors = product.codes && product.scalePerToken === 1;
    if (!this.library || (vectors && product.outer > MOST_SCALES)) return false;
    const problem = this.library.problem({ ...product, bias: product.bias !== 0, vectors });
    if (!problem) return false;
    const operands = vectors ? { ...product, weightScale: this.#repeated(product) } : product;
    this.library.run(problem, algorithm, operands, (call) => target.loading(call));
    target.count();
    return true;
  }

  /** The weight's factor as a vector: cuBLASLt takes vectors for both matrices or for none. */
  #repeated({ weightScale, outer }: OwnProduct): number {
    const { device } = this.#target;
    const bytes = MOST_SCALES * 4;
    this.#scales ||= this.#target.loading(() =>
      numberFrom((out) => device.cuda.memAlloc(out, bytes), `cuMemAlloc of ${bytes} bytes`),
    );
    this.#target.launch({
      source: SCALES_SOURCE,
      kernel: 'repeat_scale',
      grid: [Math.ceil(outer / SCALES_THREADS)],
      block: SCALES_THREADS,
      params: { addresses: [this.#scales, weightScale], integers: [outer] },
    });
    return this.#scales;
  }
}

const makeProducts = (target: ComputeTarget): Products => new Products(target);

export function productsOf(target: ComputeTarget): Products {
  return target.once(makeProducts);
}

function keyOf({ tokens, outer, inner, groups, codes }: ProductShape): string {
  return `${tokens} ${outer} ${inner} ${groups} ${codes}`;
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
    run({ tokens, choices, count, pairs, ...operands }, target) {
      if (tokens === 0) return;
      const product: OwnProduct = {
        ...PLAIN,
        ...operands,
        tokens: tokens * choices,
        groups: count,
        share: pairs === 1 ? 1 : choices,
      };
      launchOwn(expertGuess(product, target), product, target);
    },
  },
};
