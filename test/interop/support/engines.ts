/** @file Engines, machines and measurements for tests of what engines pick. */
import type { EngineConfig } from '../../../dist/interop/engines/dispatch.js';
import { findEngine, type ServingEngineName } from '../../../dist/interop/engines/find.js';
import { findGpu } from '../../../dist/interop/engines/gpus.js';
import type { Deployment, Settings } from '../../../dist/interop/engines/types.js';
import type { Measurement, MeasurementSet } from '../../../dist/interop/measurement.js';

export const KIB = 1024;
export const MIB = 1024 * KIB;

export interface Asked extends Partial<Omit<Deployment, 'gpu'>> {
  engine?: ServingEngineName;
  version?: string;
  gpu?: string;
  settings?: Partial<Settings>;
  backends?: string[];
}

/** vLLM 0.30 on 8x H200 with its defaults, but for what is asked. */
export function configOf(asked: Asked = {}): EngineConfig {
  const { engine: name = 'vllm', version, gpu: gpuName = 'H200', settings, backends, ...deployment } = asked;
  const { engine } = findEngine(name, version);
  const gpu = findGpu(gpuName);
  const nvlink = deployment.nvlink ?? gpu.nvlink;
  return {
    engine,
    deployment: {
      worldSize: 8,
      dtype: 'bf16',
      multicast: nvlink && gpu.multicast,
      mode: 'replay',
      ...deployment,
      gpu,
      nvlink,
    },
    settings: { ...engine.defaults, ...settings },
    backends,
  };
}

type Times = Readonly<Record<string, Readonly<Record<number, number>>>>;

/** Measurements of us by algorithm and size in bytes. */
export function setOf(times: Times, common: Partial<Measurement> = {}): MeasurementSet {
  const measurements = Object.entries(times).flatMap(([algorithm, sizes]) =>
    Object.entries(sizes).map(([bytes, us]) => ({
      operation: 'all_reduce' as const,
      worldSize: 8,
      dtype: 'bf16',
      source: { file: 'here', line: 1 },
      ...common,
      algorithm,
      bytes: Number(bytes),
      us,
    })),
  );
  return { schema: 1, host: {}, measurements, matrices: [], complaints: [], files: [] };
}
