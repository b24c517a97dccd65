/**
 * @file Reads crossover's other results: what `crossover bench --json` prints, and the files of bench/gpu.mjs with peers in them.
 */

import { crossoverAlgorithm, readFingerprint } from './crossover-plan.ts';
import { type Fields, measurementOf } from './fields.ts';
import { type Found, type Sink, shown } from './format.ts';
import { isArray, isObject, type Json, type JsonDocument, type JsonObject } from './json-text.ts';

/** Peers of bench/gpu.mjs, but for those that keep their names; `our nccl` is among the algorithms as well. */
const PEERS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  all_reduce: {
    torch_one_shot: 'torch_symm_mem_one_shot',
    torch_two_shot: 'torch_symm_mem_two_shot',
    torch_multimem: 'torch_symm_mem_multimem',
    vllm_1_stage: 'vllm_custom_1stage',
    vllm_2_stage: 'vllm_custom_2stage',
    flashinfer_one_shot: 'flashinfer_trtllm_one_shot',
    flashinfer_two_shot: 'flashinfer_trtllm_two_shot',
  },
  all_reduce_rms_norm: {
    flashinfer_one_shot: 'flashinfer_trtllm_fused_one_shot',
    flashinfer_two_shot: 'flashinfer_trtllm_fused_two_shot',
  },
};

export function isBenchResult(value: Json): boolean {
  return (
    isObject(value) &&
    'crossover' in value &&
    'operation' in value &&
    'worldSize' in value &&
    isArray(value.rows)
  );
}

export function isGpuResult(value: Json): boolean {
  return isObject(value) && 'gpus' in value && 'protocol' in value && isArray(value.rows);
}

export function readBenchResult(document: JsonDocument, sink: Sink): void {
  const root = document.value as JsonObject;
  readFingerprint(root, document.line(root), sink);
  const { operation, dtype, worldSize, mode, hidden, quantization } = root;
  const common: Fields = { operation, dtype, world_size: worldSize, mode, hidden, quantization };
  for (const row of (root.rows as readonly Json[]).filter(isObject)) {
    readTime(document, row, row.bytes, common, sink);
    if (typeof row.wrong === 'number' && row.wrong > 0) {
      sink.complain(
        document.line(row, 'wrong'),
        `${row.wrong} results were wrong; the time was read all the same`,
      );
    }
  }
}

export function readGpuResult(document: JsonDocument, sink: Sink): void {
  const root = document.value as JsonObject;
  readFingerprint(root.fingerprint, document.line(root, 'fingerprint'), sink);
  const protocol = String(root.protocol);
  const common: Fields = {
    dtype: /^(\w+),/.exec(protocol)?.[1],
    world_size: root.gpus ?? '',
    mode: /\bgraph\b/.test(protocol) ? 'replay' : undefined,
  };
  for (const row of (root.rows as readonly Json[]).filter(isObject)) {
    // What is missing here is a damaged file, and nothing to take from defaults.
    const { operation = '', hidden, quantization } = row;
    const own: Fields = { ...common, operation, hidden, quantization };
    for (const one of isArray(row.algorithms) ? row.algorithms.filter(isObject) : []) {
      readTime(document, one, row.bytes, own, sink);
    }
    for (const peer of isArray(row.peers) ? row.peers.filter(isObject) : []) {
      const name = peer.peer;
      if (typeof name === 'string' && name.startsWith('our ')) continue;
      const names = PEERS[String(operation)] ?? {};
      const algorithm = typeof name === 'string' && Object.hasOwn(names, name) ? names[name] : name;
      keep(
        measurementOf({ ...own, algorithm, bytes: row.bytes, us: peer.us }, sink.defaults),
        document.line(peer, 'us'),
        sink,
      );
    }
  }
}

/** A time beside an algorithm and its tunables. */
function readTime(
  document: JsonDocument,
  time: JsonObject,
  bytes: Json | undefined,
  common: Fields,
  sink: Sink,
): void {
  const { algorithm, tunables, us, spread, lossy } = time;
  const line = document.line(time, 'us');
  if (typeof algorithm !== 'string') {
    sink.complain(line, `the algorithm is ${shown(algorithm)}; use a name`);
    return;
  }
  const numbers = Object.entries(isObject(tunables) ? tunables : {}).filter(
    (entry): entry is [string, number] => typeof entry[1] === 'number',
  );
  const name = crossoverAlgorithm(algorithm, Object.fromEntries(numbers));
  keep(measurementOf({ ...common, algorithm: name, bytes, us, spread, lossy }, sink.defaults), line, sink);
}

function keep(found: Found | string, line: number, sink: Sink): void {
  if (typeof found === 'string') sink.complain(line, found);
  else sink.measured(found.operation === 'all_reduce_rms_norm' ? { ...found, residual: true } : found, line);
}
