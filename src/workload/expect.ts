/**
 * @file Decode steps as they are expected to be: weights read once at a GPU's memory bandwidth, and collectives as long as they were measured. Nothing else takes time, so shares
 * are upper bounds.
 */
import { CrossoverError } from '../errors.ts';
import type { Operation } from '../operations.ts';
import type { PlanIndex } from '../plan/lookup.ts';
import { differentTokens, gatheredRows, plannedLayout, rowsByRank, sequencesByRank } from './layouts.ts';
import type { ModelConfig } from './models/config.ts';
import type { SplitOptions } from './models/split.ts';
import { changeBy, collectivesOf, predictChange, type Sites, sumOver } from './predict.ts';
import { symbolsFor } from './session/capacity.ts';
import { modelGraph } from './session/open.ts';
import { type DataVariantName, measuredUs, notesOn, type VariantName } from './variants.ts';
import { bytesRead } from './weights/bytes-read.ts';

/** A model on so many ranks, and the batches that it decodes. */
export interface Served {
  readonly config: ModelConfig;
  readonly split: Omit<SplitOptions, 'worldSize'>;
  readonly worldSize: number;
  readonly batches: readonly number[];
  /** Of the device's memory; needed where no time of a step was measured. */
  readonly bytesPerSecond: number | undefined;
}

export interface Expectation extends Served {
  readonly index: PlanIndex;
  readonly variants: readonly VariantName[];
  readonly capBytes: number;
  /** Time of a step with the plan, as measured, us. */
  readonly stepUs: number | undefined;
}

/** One variant at one batch; numbers are absent where a collective was not measured. */
export interface Expected {
  readonly batch: number;
  readonly variant: VariantName | DataVariantName;
  /** All collectives of a step, us. */
  readonly collectivesUs?: number | undefined;
  readonly stepUs?: number | undefined;
  /** Of throughput against the plan's. */
  readonly change?: number | undefined;
}

/** Rows by batch and variant. */
export interface ExpectedSteps {
  readonly rows: readonly Expected[];
  /** What else there is to know: keys that another one stands in for, and what is left out. */
  readonly notes: readonly string[];
  /** Operations that were not measured as some row needs them. */
  readonly lacking: readonly Operation[];
}

/** With data-parallel attention, of those of DATA_VARIANTS that stay in the symmetric heap. */
export function expectSteps(expectation: Expectation): ExpectedSteps {
  const { worldSize, index, variants, capBytes } = expectation;
  if (expectation.split.attention === 'data') return expectLayouts(expectation);
  const account = new Account(index, worldSize);
  const rows = stepsOf(expectation).flatMap(({ batch, wanted: all }) => {
    const wanted = account.countable(all);
    const total = (variant: VariantName): number | undefined =>
      sumOver(wanted, (one) => measuredUs(index, variant, one, worldSize, capBytes));
    const planned = total('plan');
    const step = stepTime(expectation, expectation.stepUs, batch, planned ?? Number.NaN);
    return variants.map((variant): Expected => {
      const collectivesUs = total(variant);
      const prediction = predictChange(index, variant, wanted, worldSize, capBytes, step);
      if (planned === undefined || collectivesUs === undefined || prediction === undefined)
        return { batch, variant };
      return { batch, variant, collectivesUs, stepUs: step + prediction.deltaUs, change: prediction.change };
    });
  });
  return { rows, ...account.result };
}

/** What a plan says of collectives, and what it does not. */
class Account {
  readonly #index: PlanIndex;
  readonly #worldSize: number;
  readonly #notes = new Set<string>();
  readonly #lacking = new Set<Operation>();

  constructor(index: PlanIndex, worldSize: number) {
    this.#index = index;
    this.#worldSize = worldSize;
  }

  /** Those that are counted. A gather of sampling's candidates, a few bytes in each step of any variant, can be left out. */
  countable(wanted: readonly Sites[]): Sites[] {
    return wanted.filter((one) => {
      for (const note of notesOn(this.#index, one, this.#worldSize)) this.#notes.add(note);
      if (measuredUs(this.#index, 'plan', one, this.#worldSize, 0) !== undefined) return true;
      const isOfSampling = one.operation === 'all_gather' && one.dtype === 'f32';
      if (isOfSampling)
        this.#notes.add(
          'all_gather of f32, by which candidates of sampling are gathered, was not measured, and is left out',
        );
      else this.#lacking.add(one.operation);
      return !isOfSampling;
    });
  }

  get result(): Pick<ExpectedSteps, 'notes' | 'lacking'> {
    return { notes: [...this.#notes], lacking: [...this.#lacking] };
  }
}

/** Of padded and summed lengths. What fills steps up is no sequence's, and reads experts all the same. */
function expectLayouts(expectation: Expectation): ExpectedSteps {
  const { config, worldSize, index, batches } = expectation;
  const account = new Account(index, worldSize);
  const wantedFor = collectives(expectation);
  const rows = batches.flatMap((batch): Expected[] => {
    const byRank = rowsByRank(sequencesByRank(batch, worldSize, 'data'));
    const gathered = gatheredRows(byRank);
    const total = (layout: 'padded' | 'summed'): number | undefined =>
      sumOver(account.countable(wantedFor(Math.max(...byRank), gathered[layout])), (one) =>
        measuredUs(index, 'plan', one, worldSize, 0),
      );
    const us = { padded: total('padded'), summed: total('summed') };
    const chosen = plannedLayout(index, config.hidden, byRank);
    const planned = us[chosen];
    const tokens = (layout: 'padded' | 'summed'): number => differentTokens(batch, gathered[layout]);
    const step = stepTime(expectation, expectation.stepUs, batch, planned ?? Number.NaN, tokens(chosen));
    return (['padded', 'summed', 'plan'] as const).map((variant): Expected => {
      const layout = variant === 'plan' ? chosen : variant;
      const collectivesUs = us[layout];
      if (planned === undefined || collectivesUs === undefined) return { batch, variant };
      const more = moreReadUs(expectation, tokens(layout), tokens(chosen));
      const { deltaUs, change } = changeBy(collectivesUs - planned + more, step);
      return { batch, variant, collectivesUs, stepUs: step + deltaUs, change };
    });
  });
  return { rows, ...account.result };
}

/** The collectives of a step at each batch. */
export function stepsOf(served: Served): { batch: number; wanted: Sites[] }[] {
  const wantedFor = collectives(served);
  return served.batches.map((batch) => ({ batch, wanted: wantedFor(batch, batch) }));
}

/** The collectives of a step of so many rows a rank, and so many of all ranks that are gathered. */
function collectives({
  config,
  split,
  worldSize,
  batches,
}: Served): (rows: number, gathered: number) => Sites[] {
  const most = Math.max(...batches);
  const capacity = { sequences: most, places: 2, pageSize: 2, tokens: most, samples: most };
  const request = { config, ...split, capacity, engine: 'cuda', tunedTokens: 0 } as const;
  const { graph } = modelGraph(request, worldSize, 0);
  return (tokens, gathered) =>
    collectivesOf(graph, symbolsFor(graph, capacity, { tokens, samples: tokens, gathered }));
}

/**
 * Time of a step at a batch with collectives of so many us: as measured, where that is known. `tokens`: those that read experts.
 * @throws CrossoverError when it was measured to be no longer than its collectives
 */
export function stepTime(
  served: Served,
  stepUs: number | undefined,
  batch: number,
  collectivesUs: number,
  tokens: number = batch,
): number {
  if (stepUs === undefined) return readUs(served, tokens) + collectivesUs;
  if (!(stepUs <= collectivesUs)) return stepUs;
  throw new CrossoverError(
    `stepUs is ${stepUs}; at batch ${batch} the collectives of a step alone take ${collectivesUs.toFixed(1)} us`,
  );
}

/** Time to read the weights that a step of so many tokens reads, us. */
function readUs({ config, split, worldSize, bytesPerSecond }: Served, tokens: number): number {
  return (bytesRead(config, { ...split, worldSize }, tokens) / bytesPerSecond!) * 1e6;
}

/** By which reading takes longer for other tokens, us. Left out where a step was measured on a device whose bandwidth nobody knows. */
function moreReadUs(served: Served, tokens: number, than: number): number {
  if (tokens === than || served.bytesPerSecond === undefined) return 0;
  return readUs(served, tokens) - readUs(served, than);
}
