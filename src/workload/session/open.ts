/**
 * @file From what a workload asks for to a model on all ranks: the graph, the memory it takes, the engine, the measurements its collectives follow, and its weights.
 */
import type { Communicator } from '../../collective/communicator.ts';
import { createCommunicator } from '../../collective/create.ts';
import type { EngineName } from '../../collective/engines.ts';
import type { Graph } from '../../graph/ir/graph.ts';
import { optimize } from '../../graph/optimize.ts';
import type { Group } from '../../group/group.ts';
import { roomOf } from '../../memory/allocator.ts';
import type { PlanIndex } from '../../plan/lookup.ts';
import type { Plan } from '../../plan/plan.ts';
import { buildModel } from '../models/build.ts';
import type { ModelConfig } from '../models/config.ts';
import type { SplitOptions } from '../models/split.ts';
import { Checkpoint } from '../weights/checkpoint.ts';
import { weightPlan } from '../weights/plan.ts';
import type { PlannedWeight } from '../weights/planned.ts';
import { type Capacity, type SessionBytes, sessionBytes } from './capacity.ts';
import { checkpointWeights, codesRoom, randomWeights } from './fill.ts';
import { type FillWeight, HeldModel } from './model.ts';
import { completePlan, type Demand, isMissing, measuringBytes, planOrNone } from './plan.ts';

/** Plain data, so that it can travel to the ranks. */
export interface SessionRequest extends Omit<SplitOptions, 'worldSize'> {
  readonly config: ModelConfig;
  readonly capacity: Capacity;
  readonly engine: EngineName;
  /** Folder of a Hugging Face checkpoint; random weights without. */
  readonly checkpoint?: string | undefined;
  /** Tokens that sampling chooses from. */
  readonly choices?: number | undefined;
  /** The most tokens of a step that is timed: what a plan has to cover. 0 measures nothing. */
  readonly tunedTokens: number;
  /** Measurements; what they lack is measured. */
  readonly plan?: Plan | undefined;
}

export interface Session {
  readonly model: HeldModel;
  readonly index: PlanIndex;
  /** Whether collectives had to be measured. */
  readonly measured: boolean;
  readonly bytes: SessionBytes;
  close(): void;
}

/** The graph of a rank, with everything fused that can be, and its weights. */
export function modelGraph(
  request: SessionRequest,
  worldSize: number,
  rank: number,
): { graph: Graph; weights: PlannedWeight[] } {
  const { config, capacity, attention, experts, precision, choices } = request;
  const { pageSize, places } = capacity;
  const options = { worldSize, rank, attention, experts, precision, pageSize, places, choices };
  const graph = buildModel(config, options);
  const [variant] = optimize(graph, {
    worldSize,
    fusionCapBytes: Number.POSITIVE_INFINITY,
    place: false,
  }).variants;
  return { graph: variant!.graph, weights: weightPlan(config, options) };
}

function demandOf(request: SessionRequest, worldSize: number): Demand {
  const { config, attention, precision, tunedTokens, choices = 1 } = request;
  return {
    config,
    worldSize,
    tokens: attention === 'data' ? tunedTokens * worldSize : tunedTokens,
    choices,
    // The last norm's output stays in bf16.
    quantizations: precision === 'f8e4m3' ? ['none', 'f8e4m3_token'] : ['none'],
    gathers: attention === 'data',
  };
}

/** Bytes of a rank, without measuring: what `openSession` allocates. */
export function bytesFor(request: SessionRequest, worldSize: number): SessionBytes {
  const { graph, weights } = modelGraph(request, worldSize, 0);
  return sessionBytes(
    request.engine,
    graph,
    worldSize,
    request.capacity,
    weights,
    otherBytes(request, weights),
  );
}

/** What a decode run keeps of its tokens, and the room in which codes are made. */
function otherBytes({ capacity }: SessionRequest, weights: readonly PlannedWeight[]): number {
  return 4 * capacity.samples * capacity.places + codesRoom(weights);
}

/** A checkpoint that has all weights of a rank; undefined for random weights. */
function openCheckpoint(
  { checkpoint: folder }: SessionRequest,
  weights: readonly PlannedWeight[],
): Checkpoint | undefined {
  if (folder === undefined) return undefined;
  const checkpoint = new Checkpoint(folder);
  try {
    checkpoint.check(weights);
    return checkpoint;
  } catch (error) {
    checkpoint.close();
    throw error;
  }
}

function randomFill(
  comm: Communicator,
  { config }: SessionRequest,
  weights: readonly PlannedWeight[],
): FillWeight {
  const bytes = codesRoom(weights);
  const { engine, heap } = comm;
  const room = bytes === 0 ? 0 : engine.allocate ? engine.allocate(bytes) : heap.allocate(bytes);
  return randomWeights(comm, config, room);
}

/**
 * A model on all ranks. Collective. `report` is told how far it is, 0 to 1.
 * @throws CrossoverError when the model cannot be split so, a checkpoint is damaged, or memory runs out
 */
export function openSession(
  group: Group,
  request: SessionRequest,
  report: (done: number, words: string) => void = () => {},
): Session {
  const made = modelGraph(request, group.size, group.rank);
  const checkpoint = openCheckpoint(request, made.weights);
  try {
    return open(group, request, made, checkpoint, report);
  } finally {
    checkpoint?.close();
  }
}

function open(
  group: Group,
  request: SessionRequest,
  { graph, weights }: ReturnType<typeof modelGraph>,
  checkpoint: Checkpoint | undefined,
  report: (done: number, words: string) => void,
): Session {
  const bytes = sessionBytes(
    request.engine,
    graph,
    group.size,
    request.capacity,
    weights,
    otherBytes(request, weights),
  );
  const demand = demandOf(request, group.size);
  const measures = group.size > 1 && request.tunedTokens > 0 && isMissing(request.plan, demand);
  // Measuring is over when the model takes its memory.
  const arenaBytes = Math.max(bytes.arena, measures ? measuringBytes(request.engine, demand) + (4 << 20) : 0);
  const comm = createCommunicator(group, {
    engine: request.engine,
    arenaBytes: roomOf(arenaBytes),
    plan: request.plan ?? null,
    force: true,
    // Dispatch is chosen here; what is not timed runs untuned.
    warn: () => {},
  });
  try {
    const index = measures
      ? completePlan(comm, request.plan, demand, (done, words) => report(done / 2, words))
      : planOrNone(comm, request.plan);
    const fill = checkpoint ? checkpointWeights(comm, checkpoint) : randomFill(comm, request, weights);
    const model = new HeldModel(comm, graph, request.capacity, weights, fill, (done, words) =>
      report(0.5 + done / 2, words),
    );
    return { model, index, measured: measures, bytes, close: () => comm.close() };
  } catch (error) {
    comm.close();
    throw error;
  }
}
