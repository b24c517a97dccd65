/**
 * @file A simulation from start to end, as data: sizes x algorithms, the winner, and measured times beside predictions.
 * The command prints it; programs may use it directly.
 */
import type { Operation } from '../operations.ts';
import { predict } from './cost.ts';
import { explain } from './explain.ts';
import { type FitResult, fitTopology, type Parameter } from './fit.ts';
import type { Measurement } from './measurement.ts';
import type { SimulatedAlgorithm } from './schedule.ts';
import type { Topology } from './topology.ts';

export interface SimulationOptions {
  readonly operation: Operation;
  readonly algorithms: readonly SimulatedAlgorithm[];
  /** Bytes; the sizes of the measurements when empty. */
  readonly sizes: readonly number[];
  readonly measurements?: readonly Measurement[] | undefined;
  /** Parameters to fit; none when empty. */
  readonly free?: readonly Parameter[] | undefined;
  /** Rows below this size are fitted to. */
  readonly below?: number | undefined;
}

export interface SimulatedSize {
  readonly bytes: number;
  /** Predicted us by algorithm. */
  readonly us: Readonly<Record<string, number>>;
  readonly best: string;
}

export interface Comparison extends Measurement {
  readonly predicted: number;
  /** predicted / us - 1. */
  readonly error: number;
  /** Whether the row took part in a fit. */
  readonly fitted: boolean;
}

export interface Simulation {
  /** As fitted, where it was. */
  readonly topology: Topology;
  readonly operation: Operation;
  readonly fit: FitResult | undefined;
  readonly sizes: readonly SimulatedSize[];
  readonly comparisons: readonly Comparison[];
  /** Why the measured algorithms differ; empty unless two_shot and ring were measured. */
  readonly explanation: readonly string[];
}

/** Fits when asked, predicts every size, and compares. */
export function simulate(topology: Topology, options: SimulationOptions): Simulation {
  const { operation, algorithms, measurements = [], free = [] } = options;
  const fitting = { operation, free, below: options.below };
  const fitted =
    measurements.length > 0 && free.length > 0 ? fitTopology(topology, measurements, fitting) : undefined;
  const used = fitted?.topology ?? topology;
  const sizes =
    options.sizes.length > 0
      ? options.sizes
      : [...new Set(measurements.map((m) => m.bytes))].sort((a, b) => a - b);
  // With nothing free, fitTopology() only compares.
  const residuals =
    fitted?.residuals ??
    (measurements.length > 0
      ? fitTopology(used, measurements, { operation, free: [] }).residuals.map((r) => ({
          ...r,
          fitted: false,
        }))
      : []);
  return {
    topology: used,
    operation,
    fit: fitted,
    sizes: sizes.map((bytes) => simulateSize(used, algorithms, bytes)),
    comparisons: residuals.filter((r) => sizes.includes(r.bytes)),
    explanation: operation === 'all_reduce' ? explain(used, measurements) : [],
  };
}

function simulateSize(
  topology: Topology,
  algorithms: readonly SimulatedAlgorithm[],
  bytes: number,
): SimulatedSize {
  const us: Record<string, number> = {};
  let best = '';
  for (const algorithm of algorithms) {
    us[algorithm.name] = predict(topology, algorithm, bytes).us;
    if (best === '' || us[algorithm.name]! < us[best]!) best = algorithm.name;
  }
  return { bytes, us, best };
}
