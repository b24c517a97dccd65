/**
 * @file Reads what nccl-tests writes with -J. Its list of devices may be of one process only, so the ranks are told by the bandwidths.
 */
import { busFactor, type MeasuredOperation } from '../measurement.ts';
import { type Sink, shown } from './format.ts';
import { isArray, isObject, type Json, type JsonDocument, type JsonObject } from './json-text.ts';
import { algorithmOf, countFits, operationOf, PROGRAM, type Shape } from './nccl-tests-rows.ts';
import { dtypeName, ncclVersion } from './values.ts';

export function isNcclTestsJson(value: Json): boolean {
  return isObject(value) && isArray(value.results) && isObject(value.config) && 'nccl_version' in value;
}

export function readNcclTestsJson(document: JsonDocument, sink: Sink): void {
  const root = document.value as JsonObject;
  const config = root.config as JsonObject;
  const results = (root.results as readonly Json[]).filter(isObject);
  const at = document.line(root);
  const args = isArray(root.args) ? root.args.map(String) : [];
  const version = ncclVersion(Number(root.nccl_version));
  if (version !== undefined) sink.fact('nccl', version, at);
  const device = isArray(config.devices) ? config.devices.find(isObject)?.device_info : undefined;
  if (typeof device === 'string') sink.fact('gpu', device, at);
  for (const error of isArray(root.errors) ? root.errors : []) {
    if (typeof error === 'string' && error !== '') sink.complain(at, `nccl-tests had an error: ${error}`);
  }
  const program = PROGRAM.exec(args[0] ?? '')?.[1];
  const operation =
    program === undefined
      ? undefined
      : (operationOf(program) ?? complainOf(sink, at, `${program}_perf is none of the known programs`));
  if (program === undefined) sink.complain(at, 'args do not begin with the name of a program of nccl-tests');
  if (operation === undefined) return;
  const local = Number(config.nthreads) * Number(config.ngpus);
  const listed = isArray(config.devices) ? config.devices.length : 0;
  const worldSize = ranksOf(operation, results) ?? Math.max(local, listed);
  if (!Number.isInteger(local) || local < 1 || worldSize % local !== 0) {
    sink.complain(
      at,
      `the bandwidths are of ${worldSize} ranks, and a process has ${shown(config.ngpus)} GPUs; expected a multiple`,
    );
    return;
  }
  const mode = Number(config.graph) > 0 ? ('replay' as const) : ('eager' as const);
  const common = { operation, algorithm: algorithmOf(args), worldSize, mode };
  for (const result of results) readResult(document, result, common, sink);
}

function complainOf(sink: Sink, line: number, message: string): undefined {
  sink.complain(line, message);
}

/** Ranks, by the largest bandwidth: it was rounded the least. Undefined where bandwidths do not depend on ranks. */
function ranksOf(operation: MeasuredOperation, results: readonly JsonObject[]): number | undefined {
  let most: { algorithm: number; bus: number } | undefined;
  for (const result of results) {
    for (const half of [result.out_of_place, result.in_place]) {
      if (!isObject(half)) continue;
      const { alg_bw: algorithm, bus_bw: bus } = half;
      if (typeof algorithm !== 'number' || typeof bus !== 'number' || !(algorithm > 0)) continue;
      if (most === undefined || algorithm > most.algorithm) most = { algorithm, bus };
    }
  }
  if (most === undefined || busFactor(operation, 2) === busFactor(operation, 4)) return undefined;
  const share = (most.bus / most.algorithm) * (operation === 'all_reduce' ? 0.5 : 1);
  const ranks = Math.round(1 / (1 - share));
  return ranks >= 1 && Number.isSafeInteger(ranks) ? ranks : undefined;
}

interface Common {
  readonly operation: MeasuredOperation;
  readonly algorithm: string;
  readonly worldSize: number;
  readonly mode: 'replay' | 'eager';
}

function readResult(document: JsonDocument, result: JsonObject, common: Common, sink: Sink): void {
  const shape: Shape = {
    bytes: Number(result.size),
    count: Number(result.count),
    dtype: typeof result.type === 'string' ? dtypeName(result.type) : undefined,
    redop: undefined,
    root: undefined,
  };
  const { bytes, dtype } = shape;
  const { worldSize } = common;
  if (!countFits(shape, worldSize)) {
    sink.complain(
      document.line(result, 'size'),
      `size ${bytes} is not ${shape.count} elements of ${dtype}, or so many for each of ${worldSize} ranks`,
    );
    return;
  }
  for (const [name, inPlace] of [
    ['out_of_place', false],
    ['in_place', true],
  ] as const) {
    const half = result[name];
    if (!isObject(half)) continue;
    const line = document.line(half, 'time');
    const { time: us, alg_bw: algorithmGBs, bus_bw: busGBs, nwrong } = half;
    if ('cpu_time' in half) {
      sink.complain(line, 'cpu_time is of the CPU (-C), not of the operation; run without -C to have that');
      continue;
    }
    if (typeof us !== 'number') {
      sink.complain(line, `the time ${name.replaceAll('_', ' ')} is missing`);
      continue;
    }
    const factor = busFactor(common.operation, worldSize) ?? 1;
    const rate = bytes / us / 1e3;
    if (!near(rate, algorithmGBs) || !near(rate * factor, busGBs)) {
      sink.complain(
        line,
        `${bytes} bytes in ${us} us on ${worldSize} ranks are not ${shown(algorithmGBs)} and ${shown(busGBs)} GB/s`,
      );
      continue;
    }
    if (typeof nwrong === 'number' && nwrong > 0) {
      sink.complain(line, `${nwrong} results were wrong; the time was read all the same`);
    }
    sink.measured({ ...common, bytes, dtype, inPlace, us }, line);
  }
}

/** Both were rounded to six decimals, or so; what is not there does not contradict. */
function near(rate: number, printed: Json | undefined): boolean {
  if (typeof printed !== 'number') return printed === undefined;
  return Math.abs(rate - printed) <= 2e-6 + Math.abs(rate) * 1e-3;
}
