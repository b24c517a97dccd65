/**
 * @file Fits a topology's parameters to measured times: launch, latency (all links scaled alike) and the two
 * efficiencies, any of them free. A prediction is linear in launch, the latency scale and 1 / efficiency, so this is
 * least squares on relative errors, repeated while efficiencies move the busiest link. Bandwidths are never fitted.
 */
import { CrossoverError } from '../errors.ts';
import type { Operation } from '../operations.ts';
import { findAlgorithm } from './algorithms/index.ts';
import { predict } from './cost.ts';
import { leastSquares } from './least-squares.ts';
import type { Measurement } from './measurement.ts';
import { meanLatency } from './route.ts';
import type { Topology } from './topology.ts';

export const PARAMETERS = ['launch', 'latency', 'read', 'write'] as const;

export type Parameter = (typeof PARAMETERS)[number];

export interface FitOptions {
  /** What the measurements are of; all_reduce when absent. */
  readonly operation?: Operation | undefined;
  /** Parameters to change; all four when absent. The others keep the topology's values. */
  readonly free?: readonly Parameter[] | undefined;
  /** Only rows below this many bytes are fitted to; all when absent. */
  readonly below?: number | undefined;
}

export interface Residual extends Measurement {
  readonly predicted: number;
  /** predicted / us - 1. */
  readonly error: number;
  /** Whether the row took part in the fit; the others are predictions proper. */
  readonly fitted: boolean;
}

export interface FitResult {
  readonly topology: Topology;
  /** What was changed: asked for, and determined by the rows. */
  readonly free: readonly Parameter[];
  /** Rows fitted to. */
  readonly rows: number;
  /** Largest size fitted to, bytes. */
  readonly largest: number;
  /** launch and mean one-way latency in us, efficiencies as shares; fitted or not. */
  readonly parameters: Readonly<Record<Parameter, number>>;
  /** One for every measurement, fitted to or not. */
  readonly residuals: readonly Residual[];
  /** Root mean square of the relative errors of the fitted rows. */
  readonly rms: number;
}

/** Rounds in which the busiest link may change; one is enough where a phase only reads or only writes. */
const MAX_ROUNDS = 20;

/** Efficiencies up to 2, as in topologies. */
const LOWER: Readonly<Record<Parameter, number>> = { launch: 0, latency: 0, read: 0.5, write: 0.5 };

/**
 * @throws CrossoverError when no row is left to fit to, an algorithm is unknown, or the rows do not determine what is
 * free (launch is given up first: it is told from latency only by algorithms with different numbers of hops).
 */
export function fitTopology(
  topology: Topology,
  measurements: readonly Measurement[],
  options: FitOptions = {},
): FitResult {
  const operation = options.operation ?? 'all_reduce';
  const below = options.below ?? Number.POSITIVE_INFINITY;
  const rows = measurements.filter((m) => m.bytes < below);
  if (rows.length === 0)
    throw new CrossoverError(`no measurement is below ${below} bytes, so nothing can be fitted`);
  let free = [...(options.free ?? PARAMETERS)];
  let fitted = topology;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const terms = rows.map((m) => termsOf(fitted, operation, m));
    // A parameter that no row depends on keeps its value.
    free = free.filter((parameter) => terms.some((t) => t[parameter] > 0));
    let x = solve(fitted, rows, terms, free);
    if (x === undefined && free.includes('launch')) {
      free = free.filter((parameter) => parameter !== 'launch');
      x = solve(fitted, rows, terms, free);
    }
    if (x === undefined) {
      throw new CrossoverError(
        `the ${rows.length} measurements do not determine ${free.join(', ')}; measure more sizes`,
      );
    }
    const next = apply(fitted, free, x);
    const settled = PARAMETERS.every((p) => Math.abs(value(next, p) - value(fitted, p)) < 1e-9);
    fitted = next;
    if (settled) break;
  }
  const residuals = measurements.map((m): Residual => {
    const predicted = predict(fitted, findAlgorithm(operation, m.algorithm), m.bytes).us;
    return { ...m, predicted, error: predicted / m.us - 1, fitted: m.bytes < below };
  });
  const errors = residuals.filter((r) => r.fitted).map((r) => r.error);
  return {
    topology: fitted,
    free,
    rows: rows.length,
    largest: Math.max(...rows.map((m) => m.bytes)),
    parameters: {
      launch: fitted.launch,
      latency: meanLatency(fitted),
      read: fitted.efficiency.read,
      write: fitted.efficiency.write,
    },
    residuals,
    rms: Math.sqrt(errors.reduce((sum, e) => sum + e * e, 0) / errors.length),
  };
}

type RowTerms = Readonly<Record<Parameter | 'fixed', number>>;

/** What a row's time is a sum of: factor of each unknown, and what does not depend on any. */
function termsOf(topology: Topology, operation: Operation, { algorithm, bytes }: Measurement): RowTerms {
  const { latency, read, write, fixed } = predict(topology, findAlgorithm(operation, algorithm), bytes);
  return { launch: 1, latency, read, write, fixed };
}

/** Unknowns as they enter linearly: launch, a factor on today's latencies, 1 / efficiency. */
function value(topology: Topology, parameter: Parameter): number {
  if (parameter === 'launch') return topology.launch;
  if (parameter === 'latency') return meanLatency(topology);
  return topology.efficiency[parameter];
}

function linear(topology: Topology, parameter: Parameter): number {
  if (parameter === 'launch') return topology.launch;
  return parameter === 'latency' ? 1 : 1 / topology.efficiency[parameter];
}

function solve(
  topology: Topology,
  rows: readonly Measurement[],
  terms: readonly RowTerms[],
  free: readonly Parameter[],
): number[] | undefined {
  if (free.length === 0) return [];
  const kept = PARAMETERS.filter((parameter) => !free.includes(parameter));
  return leastSquares({
    rows: terms.map((t, i) => free.map((parameter) => t[parameter] / rows[i]!.us)),
    targets: terms.map((t, i) => {
      const known = kept.reduce(
        (sum, parameter) => sum + t[parameter] * linear(topology, parameter),
        t.fixed,
      );
      return (rows[i]!.us - known) / rows[i]!.us;
    }),
    lower: free.map((parameter) => LOWER[parameter]),
  });
}

function apply(topology: Topology, free: readonly Parameter[], x: readonly number[]): Topology {
  const at = (parameter: Parameter): number | undefined => x[free.indexOf(parameter)];
  const scale = at('latency') ?? 1;
  const read = at('read');
  const write = at('write');
  return {
    ...topology,
    launch: at('launch') ?? topology.launch,
    efficiency: {
      read: read === undefined ? topology.efficiency.read : 1 / read,
      write: write === undefined ? topology.efficiency.write : 1 / write,
    },
    links: topology.links.map((link) => ({ ...link, latency: link.latency * scale })),
  };
}
