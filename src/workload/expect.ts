/**
 * @file Decode steps as they are expected to be: weights read once at a GPU's memory bandwidth, and collectives as long as they were measured. Nothing else takes time, so shares
 * are upper bounds.
 */
import type { PlanIndex } from '../plan/lookup.ts';
import type { ModelConfig } from './models/config.ts';
import { bytesRead } from './models/parameters.ts';
import type { SplitOptions } from './models/split.ts';
import { collectivesOf, predictChange } from './predict.ts';
import { symbolsFor } from './session/capacity.ts';
import { modelGraph } from './session/open.ts';
import { measuredUs, notesOn, type VariantName } from './variants.ts';

export interface Expectation {
  readonly config: ModelConfig;
  readonly split: Omit<SplitOptions, 'worldSize'>;
  readonly worldSize: number;
  readonly index: PlanIndex;
  readonly batches: readonly number[];
  readonly variants: readonly VariantName[];
  readonly capBytes: number;
  /** Of the device's memory; needed without `stepUs`. */
  readonly bytesPerSecond: number | undefined;
  /** Time of a step with the plan, as measured, us. */
  readonly stepUs: number | undefined;
}

/** One variant at one batch; numbers are absent where a collective was not measured. */
export interface Expected {
  readonly batch: number;
  readonly variant: VariantName;
  /** All collectives of a step, us. */
  readonly collectivesUs?: number | undefined;
  readonly stepUs?: number | undefined;
  /** Of throughput against the plan's. */
  readonly change?: number | undefined;
}

/** Rows by batch and variant, and what else there is to know: keys that another one stands in for. */
export function expectSteps(expectation: Expectation): { rows: Expected[]; notes: string[] } {
  const { config, split, worldSize, index, batches, variants, capBytes } = expectation;
  const most = Math.max(...batches);
  const capacity = { sequences: most, places: 2, pageSize: 2, tokens: most, samples: most };
  const request = { config, ...split, capacity, engine: 'cuda', tunedTokens: 0 } as const;
  const { graph } = modelGraph(request, worldSize, 0);
  const notes = new Set<string>();
  const rows = batches.flatMap((batch) => {
    const wanted = collectivesOf(graph, symbolsFor(graph, capacity, { tokens: batch, samples: batch }));
    for (const one of wanted) for (const note of notesOn(index, one, worldSize)) notes.add(note);
    const total = (variant: VariantName): number | undefined =>
      wanted.reduce<number | undefined>((sum, { sites, ...one }) => {
        const us = measuredUs(index, variant, one, worldSize, capBytes);
        return us === undefined || sum === undefined ? undefined : sum + sites * us;
      }, 0);
    const planned = total('plan');
    const step = expectation.stepUs ?? readUs(expectation, batch) + (planned ?? Number.NaN);
    return variants.map((variant): Expected => {
      const collectivesUs = total(variant);
      const prediction = predictChange(index, variant, wanted, worldSize, capBytes, step);
      if (planned === undefined || collectivesUs === undefined || prediction === undefined)
        return { batch, variant };
      return { batch, variant, collectivesUs, stepUs: step + prediction.deltaUs, change: prediction.change };
    });
  });
  return { rows, notes: [...notes] };
}

function readUs({ config, split, worldSize, bytesPerSecond }: Expectation, batch: number): number {
  return (bytesRead(config, { ...split, worldSize }, batch) / bytesPerSecond!) * 1e6;
}
