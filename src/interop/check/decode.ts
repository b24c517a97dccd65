/**
 * @file What the loss of an operation is of a decode step: the operations of a step, at batch sizes, over the time of a step.
 */
import { formatMicroseconds } from '../../units.ts';
import { elementBytes } from '../engines/rules.ts';
import type { Deployment } from '../engines/types.ts';
import { type Model, weightBytes } from '../models.ts';
import { type Cell, timeOf } from './cells.ts';
import type { Group } from './curves.ts';

const BATCHES = [1, 2, 4, 8, 16, 32, 48, 64, 96, 128, 192, 256, 384, 512, 1024, 2048];

export interface DecodeLoss {
  readonly batch: number;
  readonly bytes: number;
  readonly pick: string;
  readonly best: string;
  /** us a step lost in all its operations, 0 or more. */
  readonly us: number;
  /** Time of a step, ms. */
  readonly stepMs: number;
  /** Of the step: by so much throughput would rise, in percent of what it would be then. */
  readonly percent: number;
}

export interface DecodeReport {
  readonly model: string;
  /** Operations of a step. */
  readonly operations: number;
  readonly assumptions: readonly string[];
  readonly losses: readonly DecodeLoss[];
  /** Batches at which the collectives alone take as long as the step is said to take, us: no losses are known there. */
  readonly tooLong: readonly { readonly batch: number; readonly collectivesUs: number }[];
}

/** Losses at usual batch sizes within what was measured. `stepMs` is of the whole step, as measured by the user. */
export function decodeLosses(
  group: Group,
  cells: readonly Cell[],
  deployment: Deployment,
  model: Model,
  stepMs: number | undefined,
): DecodeReport {
  const { gpu, worldSize, dtype } = deployment;
  const operations = model.layers * model.allReducesPerLayer;
  const each = elementBytes(dtype);
  const tooLong: { batch: number; collectivesUs: number }[] = [];
  const losses = BATCHES.flatMap((batch): DecodeLoss[] => {
    const bytes = batch * model.hidden * each;
    const cell = cells.find(({ from, last }) => from <= bytes && bytes <= last);
    if (cell?.taken === undefined || cell.best === undefined) return [];
    const pickUs = timeOf(group, cell.taken.algorithm, bytes)!;
    const bestUs = timeOf(group, cell.best.algorithm, bytes)!;
    const us = operations * Math.max(0, pickUs - bestUs);
    const collectivesUs = operations * pickUs;
    if (stepMs !== undefined && stepMs * 1e3 <= collectivesUs) {
      tooLong.push({ batch, collectivesUs });
      return [];
    }
    const readMs = weightBytes(model, batch, worldSize, each) / (gpu.memoryTBs * 1e12) / 1e-3;
    const step = stepMs ?? readMs + collectivesUs / 1e3;
    const [pick, best] = [cell.taken.label, cell.best.label];
    return [{ batch, bytes, pick, best, us, stepMs: step, percent: (us / 1e3 / step) * 100 }];
  });
  const left = tooLong.map(({ batch }) => batch).join(', ');
  return {
    model: model.name,
    operations,
    assumptions: [
      ...assumptions(deployment, model, stepMs),
      ...(left && losses.length > 0
        ? [`nothing of batch ${left}: the collectives alone take longer than the step that was given`]
        : []),
    ],
    losses,
    tooLong,
  };
}

/** Why there are no losses of a step, in words; undefined where there are some. */
export function whyNoLosses(
  { hidden }: Group,
  model: Model,
  report: DecodeReport | undefined,
): string | undefined {
  const none = `no table of decode steps of ${model.name}`;
  if (report === undefined)
    return `${none}: its hidden size is ${model.hidden}, and the rows that were measured have ${hidden}`;
  if (report.losses.length > 0) return undefined;
  const [first] = report.tooLong;
  return first === undefined
    ? `${none}: what the engine picks was measured at no message of its usual batches`
    : `${none}: at batch ${first.batch} the collectives of a step alone take ${formatMicroseconds(first.collectivesUs)}, longer than the step that was given`;
}

function assumptions(
  { gpu, dtype, worldSize }: Deployment,
  model: Model,
  stepMs: number | undefined,
): string[] {
  const shape = `${model.name} has ${model.layers} layers of hidden size ${model.hidden} with ${model.allReducesPerLayer} all-reduces each`;
  if (stepMs !== undefined) return [shape, `a decode step takes ${stepMs} ms at every batch size, as given`];
  const experts = model.experts
    ? `; of ${model.experts.count} experts, ${model.experts.perToken} a token, each as likely`
    : '';
  return [
    shape,
    `a decode step reads its ${dtype} weights once, 1/${worldSize} of them on each GPU, at ${gpu.memoryTBs} TB/s (${gpu.name})${experts}, and waits for its collectives; nothing else takes time, so the share is an upper bound`,
  ];
}
