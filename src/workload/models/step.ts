/**
 * @file What the parts of a model's graph share while it is built: the builder, sizes, where tokens stand, and weights by name.
 */
import type { GraphBuilder } from '../../graph/build/builder.ts';
import { type Places, scaledLinear } from '../../graph/build/model.ts';
import { tensorOf, type Value } from '../../graph/ir/graph.ts';
import type { Dim } from '../../graph/ir/type.ts';
import { type PlannedWeight, scaleName } from '../weights/planned.ts';
import type { ModelConfig } from './config.ts';
import type { Split } from './split.ts';

/** The tensor-parallel group. */
export const GROUP = 'tp';

export interface StepParts {
  readonly g: GraphBuilder;
  readonly config: ModelConfig;
  readonly split: Split;
  /** Rows of what attention reads. */
  readonly tokens: Dim;
  /** Rows of what feed-forward parts read: those of all ranks, where these differ. */
  readonly allTokens: Dim;
  readonly places: Places;
  readonly pageSize: number;
  /** First expert that this rank has. */
  readonly expertStart: number | Value;
  readonly weights: ReadonlyMap<string, PlannedWeight>;
}

export class StepBuilder {
  readonly g: GraphBuilder;
  readonly parts: StepParts;
  readonly config: ModelConfig;
  readonly split: Split;
  readonly #weights = new Map<string, Value>();
  /** Caches as the layers leave them. */
  readonly appended: Value[] = [];

  constructor(parts: StepParts) {
    this.parts = parts;
    this.g = parts.g;
    this.config = parts.config;
    this.split = parts.split;
  }

  /** An input of the graph, the same one for a name that was asked for before. */
  weight(name: string): Value {
    let value = this.#weights.get(name);
    if (!value) {
      const { dtype, shape } = this.parts.weights.get(name)!;
      value = this.g.weight(name, dtype, shape);
      this.#weights.set(name, value);
    }
    return value;
  }

  /** [cache pages, page size, ...shape] */
  cache(name: string, shape: readonly number[]): Value {
    return this.g.input(name, 'bf16', ['cache_pages', this.parts.pageSize, ...shape]);
  }

  norm(x: Value, name: string): Value {
    return this.g.rmsNorm(x, this.weight(name), { epsilon: this.config.epsilon, castBeforeWeight: true });
  }

  /** By a projection's weight, in codes where it is in codes. */
  project(x: Activation, name: string): Value {
    const weight = this.weight(name);
    if (tensorOf(weight)!.dtype === 'bf16') return this.g.linear(x.value, weight);
    const { codes, scales } = x.codes();
    return scaledLinear(this.g, codes, weight, { x: scales, weight: this.weight(scaleName(name)) });
  }

  /** Rows as one dim of a tensor whose other dims are known. */
  rows(x: Value, shape: readonly number[]): Value {
    return this.g.reshape(x, [tensorOf(x)!.shape[0]!, ...shape]);
  }
}

/** What projections read: quantized at most once, when the first of them wants codes. */
export class Activation {
  readonly value: Value;
  readonly #g: GraphBuilder;
  #codes: { codes: Value; scales: Value } | undefined;

  constructor({ g }: StepBuilder, value: Value) {
    this.#g = g;
    this.value = value;
  }

  /** f8e4m3, with a scale a row. */
  codes(): { codes: Value; scales: Value } {
    if (!this.#codes) {
      const { codes, scales } = this.#g.quantize(this.value, 'f8e4m3_token');
      this.#codes = { codes, scales: scales! };
    }
    return this.#codes;
  }
}
