/** @file The package's exported names, values and types. A change here is a change of the API: make it on purpose, and say so in CHANGELOG.md. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import * as crossover from '../../dist/index.js';

const VALUES = [
  'Communicator',
  'CrossoverError',
  'DTYPES',
  'GraphBuilder',
  'GraphScratch',
  'GraphStep',
  'MODES',
  'MismatchError',
  'OPERATIONS',
  'QUANTIZATIONS',
  'REDUCE_OPS',
  'REDUCIBLE_DTYPES',
  'RankError',
  'TOPOLOGY_PRESETS',
  'Tensor',
  'VERSION',
  'algorithmsOf',
  'buildModel',
  'createCommunicator',
  'decodeArray',
  'defaultPlanPath',
  'dtypeBytes',
  'encodeArray',
  'executeGraph',
  'explain',
  'findSimulatedAlgorithm',
  'fingerprintDifferences',
  'fingerprintHere',
  'formatExplanation',
  'formatFusion',
  'formatPlacement',
  'formatPlan',
  'graphToJson',
  'graphWorkingBytes',
  'importGraph',
  'keyName',
  'launch',
  'loadPlan',
  'modelPreset',
  'nvlinkAllToAll',
  'openSession',
  'optimize',
  'parseGraph',
  'parsePlan',
  'parseTopology',
  'pcieTree',
  'placeGraph',
  'planJsonSchema',
  'predict',
  'printGraph',
  'readModelConfig',
  'readSecret',
  'savePlan',
  'simulatedAlgorithmsOf',
  'topologyPreset',
  'trace',
  'variantFor',
  'verifyGraph',
];

const TYPES = `
  Algorithm AlgorithmChoice AlgorithmRequest AllReduceOptions BinaryOp Bits Candidate Capacity Choice CommunicatorOptions DType DecidedRange Decision Dim
  Efficiency ExecuteOptions ExplainOptions Explanation Fingerprint Graph GraphDType GraphInput GraphNode GraphOperand GraphStepOptions GraphValue Group GroupKind
  HeldModel HostFingerprint HostsOptions Interconnect LaunchOptions Link LoadPlanOptions MeasuredPoint Miss Mode ModelConfig ModelOptions NormOperands NormOptions NvlinkOptions
  Operation OptimizeOptions Optimized Override PcieOptions Phase PhaseCost PlaceOptions PlacedVariant Placement Plan PlanEntry PlanKey PlanRange
  Prediction Quantization RankOutputs Recording ReduceOp ReduceScatterOptions ReducibleDType RegretPlace RegretReport RunnerUp SimulatedAlgorithm
  Session SessionRequest Site Staged StepRequest StepValues SymbolRange Symmetric TensorType Terms Topology TopologyNode Transfer Tunables UnaryOp ValueType
`;

test('values', () => {
  expect(Object.keys(crossover).sort()).toEqual([...VALUES].sort());
});

test('types', () => {
  const file = fileURLToPath(new URL('../../dist/index.d.ts', import.meta.url));
  const text = readFileSync(file, 'utf8').replace(/\/\*.*?\*\//gs, '');
  const lists = /export (?:type )?\{([^}]*)\} from '[^']*';/g;
  const names = [...text.matchAll(lists)].flatMap(([, list]) => list!.split(',').map(exportedName));
  // Only lists of names: `export *` would let out what nobody listed.
  expect(text.replaceAll(lists, '').trim()).toBe('');
  const types = names.filter((name) => name !== '' && !VALUES.includes(name));
  expect(types.sort()).toEqual(TYPES.trim().split(/\s+/).sort());
});

/** `Name` of `Name`, `type Name`, `Other as Name`. */
function exportedName(item: string): string {
  return item.trim().split(/\s+/).at(-1)!;
}

test('what was exported works', () => {
  const topology = crossover.nvlinkAllToAll({ ranks: 4, bandwidth: 450, latency: 1 });
  const ring = crossover.findSimulatedAlgorithm('all_reduce', 'ring');
  expect(crossover.predict(topology, ring, 1 << 20).us).toBeGreaterThan(0);
  expect(crossover.simulatedAlgorithmsOf('all_reduce')).toContain(ring);
  expect(crossover.algorithmsOf('all_reduce').map(({ name }) => name)).toContain('two_shot');
  expect([...crossover.decodeArray('bf16', crossover.encodeArray('bf16', [1, -0.5]))]).toEqual([1, -0.5]);
  expect(crossover.fingerprintDifferences(crossover.fingerprintHere(), crossover.fingerprintHere())).toEqual(
    [],
  );
});
