/**
 * @file What a choice of collectives changes in the throughput of a decode step, from measurements of the collectives alone: the sum over a step of what each
 * takes more, or less, than with the plan, over the time of the step. Everything else in a step is taken to stay as it is.
 */
import { evaluateDim } from '../graph/ir/dim.ts';
import { type Graph, tensorOf } from '../graph/ir/graph.ts';
import { elementBytes } from '../graph/ir/type.ts';
import { OPERATIONS, type Quantization } from '../operations.ts';
import type { PlanIndex } from '../plan/lookup.ts';
import { measuredUs, type VariantName, type Wanted } from './variants.ts';

export interface Prediction {
  /** Time of a step more than with the plan, us; negative for less. */
  readonly deltaUs: number;
  /** Of throughput against the plan's: -0.03 is 3 percent less. */
  readonly change: number;
}

/** A collective, and how often a step does it. */
export type Sites = Wanted & { readonly sites: number };

/**
 * @param wanted the collectives of a step, and how many there are of each
 * @param stepUs time of a step with the plan, measured or expected, us
 * @returns undefined where a collective was not measured as the variant does it
 */
export function predictChange(
  index: PlanIndex,
  variant: VariantName,
  wanted: readonly Sites[],
  worldSize: number,
  capBytes: number,
  stepUs: number,
): Prediction | undefined {
  let deltaUs = 0;
  for (const { sites, ...one } of wanted) {
    const planned = measuredUs(index, 'plan', one, worldSize, capBytes);
    // What no plan covers is the same in all variants but NCCL's, where it is left out of the account.
    if (planned === undefined) continue;
    const us = measuredUs(index, variant, one, worldSize, capBytes);
    if (us === undefined) return undefined;
    deltaUs += sites * (us - planned);
  }
  return changeBy(deltaUs, stepUs);
}

/** Of a step of `stepUs` us whose collectives take so many us more, or less. */
export function changeBy(deltaUs: number, stepUs: number): Prediction {
  return { deltaUs, change: stepUs / (stepUs + deltaUs) - 1 };
}

/** Of all collectives of a step, us; undefined where one of them was not measured. */
export function sumOver(
  wanted: readonly Sites[],
  usOf: (one: Sites) => number | undefined,
): number | undefined {
  return wanted.reduce<number | undefined>((sum, one) => {
    const us = usOf(one);
    return us === undefined || sum === undefined ? undefined : sum + one.sites * us;
  }, 0);
}

/** The collectives of a model's step for so many tokens, from its graph with everything fused that can be. */
export function collectivesOf(graph: Graph, symbols: ReadonlyMap<string, number>): Sites[] {
  const found = new Map<string, { wanted: Wanted; sites: number }>();
  for (const node of graph.nodes) {
    const operation = OPERATIONS.find((name) => name === node.op);
    const message = operation === 'all_gather' ? node.outputs[0] : node.operands.x;
    const type = tensorOf(message);
    if (!operation || !type) continue;
    const shape = type.shape.map((dim) => evaluateDim(dim, symbols));
    const wanted: Wanted = {
      operation,
      dtype: type.dtype as Wanted['dtype'],
      bytes: shape.reduce((all, size) => all * size, elementBytes(type.dtype)),
      registered: true,
      ...(operation === 'all_reduce_rms_norm' && {
        hidden: shape.at(-1)!,
        quantization: node.operands.quantization as Quantization,
      }),
    };
    const name = JSON.stringify(wanted);
    const one = found.get(name) ?? { wanted, sites: 0 };
    one.sites++;
    found.set(name, one);
  }
  return [...found.values()].map(({ wanted, sites }) => ({ ...wanted, sites }));
}
