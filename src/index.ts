/**
 * @file The public API, and nothing else. test/package/api.test.ts lists it, so that it changes on purpose only.
 */

// Collectives and tensors
export type {
  Algorithm,
  Bits,
  Choice as AlgorithmChoice,
  Request as AlgorithmRequest,
  Symmetric,
  Tunables,
} from './collective/algorithm.ts';
export type { Override } from './collective/calls.ts';
export { algorithmsOf } from './collective/catalog.ts';
export {
  type AllReduceOptions,
  Communicator,
  type ReduceScatterOptions,
} from './collective/communicator.ts';
export { type CommunicatorOptions, createCommunicator } from './collective/create.ts';
// Plans
export { fingerprintHere } from './collective/engines.ts';
export type { ExplainOptions } from './collective/explain.ts';
export type { NormOperands } from './collective/fused.ts';
export type { Staged } from './collective/outside.ts';
export type { Recording } from './engine/engine.ts';
// Errors
export { CrossoverError, MismatchError, RankError } from './errors.ts';
// Graphs
export { GraphBuilder } from './graph/build/builder.ts';
export type { BinaryOp, NormOptions, UnaryOp } from './graph/build/operands.ts';
export { trace } from './graph/build/trace.ts';
export {
  type ExecuteOptions,
  execute as executeGraph,
  type RankOutputs,
} from './graph/execute/executor.ts';
export { importGraph } from './graph/import/import.ts';
export type {
  Graph,
  GraphInput,
  Node as GraphNode,
  Operand as GraphOperand,
  Value as GraphValue,
} from './graph/ir/graph.ts';
export { graphToJson, parseGraph } from './graph/ir/json.ts';
export { printGraph } from './graph/ir/print.ts';
export type { Dim, GraphDType, SymbolRange, TensorType, ValueType } from './graph/ir/type.ts';
export { verify as verifyGraph } from './graph/ir/verify.ts';
export {
  type Optimized,
  type OptimizeOptions,
  optimize,
  type PlacedVariant,
  variantFor,
} from './graph/optimize.ts';
export type { DecidedRange, Decision } from './graph/passes/decide.ts';
export type { Miss, Site } from './graph/passes/sites.ts';
export { type PlaceOptions, place as placeGraph } from './graph/place/place.ts';
export type { Placement } from './graph/place/placement.ts';
export {
  Scratch as GraphScratch,
  Step as GraphStep,
  type StepOptions as GraphStepOptions,
  workingBytes as graphWorkingBytes,
} from './graph/run/step.ts';
// Ranks
export type { Group, GroupKind } from './group/group.ts';
export { type HostsOptions, readSecret } from './group/hosts.ts';
export { type LaunchOptions, launch } from './group/launch.ts';
export { Tensor } from './memory/tensor.ts';
export {
  MODES,
  type Mode,
  OPERATIONS,
  type Operation,
  QUANTIZATIONS,
  type Quantization,
  REDUCE_OPS,
  type ReduceOp,
} from './operations.ts';
export { type Explanation, explain, formatExplanation, type RunnerUp } from './plan/explain.ts';
export {
  defaultPlanPath,
  formatPlan,
  type LoadPlanOptions,
  loadPlan,
  parsePlan,
  savePlan,
} from './plan/file.ts';
export { fingerprintDifferences } from './plan/fingerprint.ts';
export { keyName, type PlanKey } from './plan/key.ts';
export type {
  Candidate,
  Choice,
  Fingerprint,
  HostFingerprint,
  MeasuredPoint,
  Plan,
  PlanEntry,
  PlanRange,
  RegretPlace,
  RegretReport,
} from './plan/plan.ts';
export { planJsonSchema } from './plan/schema.ts';
export { formatFusion } from './report/fusion-tables.ts';
export { formatPlacement } from './report/placement-tables.ts';
// Prediction for hosts that are not here
export {
  findAlgorithm as findSimulatedAlgorithm,
  standardAlgorithms as simulatedAlgorithmsOf,
} from './simulate/algorithms/index.ts';
export { type PhaseCost, type Prediction, predict, type Terms } from './simulate/cost.ts';
export { PRESETS as TOPOLOGY_PRESETS, preset as topologyPreset } from './simulate/presets.ts';
export type { Phase, SimulatedAlgorithm, Transfer } from './simulate/schedule.ts';
export {
  type Efficiency,
  type Interconnect,
  type Link,
  type NvlinkOptions,
  nvlinkAllToAll,
  type PcieOptions,
  pcieTree,
  type Topology,
  type TopologyNode,
} from './simulate/topology.ts';
export { parseTopology } from './simulate/topology-file.ts';
export { DTYPES, type DType, dtypeBytes, REDUCIBLE_DTYPES, type ReducibleDType } from './tensor/dtype.ts';
export { decodeArray, encodeArray } from './tensor/formats/array.ts';
export { VERSION } from './version.ts';
// Models
export { buildModel, type ModelOptions } from './workload/models/build.ts';
export type { ModelConfig } from './workload/models/config.ts';
export { readModelConfig } from './workload/models/hugging-face.ts';
export { presetNamed as modelPreset } from './workload/models/presets.ts';
export type { Capacity } from './workload/session/capacity.ts';
export type { HeldModel, StepRequest } from './workload/session/model.ts';
export { openSession, type Session, type SessionRequest } from './workload/session/open.ts';
export type { StepValues } from './workload/session/state.ts';
