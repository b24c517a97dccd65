/**
 * @file Kernels of models on CUDA by name. A new family of kernels is a file of this folder and two lines here.
 */
import type { Group } from '../../../group/group.ts';
import type { Product } from '../../compute.ts';
import { ATTENTION, ATTENTION_SOURCES } from './attention.ts';
import { CACHE_SOURCES, CACHES } from './caches.ts';
import { PRODUCT_SOURCES, PRODUCTS } from './products.ts';
import { tuneProducts } from './products-tune.ts';
import { ROUTING, ROUTING_SOURCES } from './routing.ts';
import { ROW_SOURCES, ROWS } from './rows.ts';
import { SAMPLING, SAMPLING_SOURCES } from './sampling.ts';
import type { ComputeTable, ComputeTarget, ModelSources } from './target.ts';

export const COMPUTE_TABLE: ComputeTable = {
  ...ROWS,
  ...CACHES,
  ...ATTENTION,
  ...PRODUCTS,
  ...ROUTING,
  ...SAMPLING,
};

export const MODEL_SOURCES: ModelSources = {
  ...ROW_SOURCES,
  ...CACHE_SOURCES,
  ...ATTENTION_SOURCES,
  ...PRODUCT_SOURCES,
  ...ROUTING_SOURCES,
  ...SAMPLING_SOURCES,
};

/** Measures products, where there is more than one way to compute them; collective over the group. */
export const TUNE_PRODUCTS:
  | ((products: readonly Product[], target: ComputeTarget, group: Group) => void)
  | undefined = tuneProducts;
