/**
 * @file The links between GPUs: what they are, who reaches whom by the driver's word and by test, and how fast.
 */
import type { DevicesReport } from '../engine/cuda/inspect/devices.ts';
import { type Link, PCIE_PATHS } from '../engine/cuda/inspect/links.ts';
import type { Measured } from '../engine/cuda/inspect/matrix.ts';
import type { PairVerdict } from '../engine/cuda/inspect/peer-check.ts';
import type { PeersReport } from '../engine/cuda/inspect/peers.ts';
import type { Outcome } from '../engine/cuda/inspect/probe.ts';
import type { Finding } from './finding.ts';
import type { Inspection } from './inspection.ts';

const section = 'GPUs';

export function linkFinding(links: readonly (readonly (Link | null)[])[]): Finding {
  const paths = pairsOf(links).map(({ value }) => value.path);
  const base = { section, what: 'links', found: inGroups(paths), ok: true } as const;
  if (paths.includes('?')) {
    return {
      ...base,
      consequence: 'without NVML links cannot be told: "?"',
      remedy: 'go by the measured matrix; NVML comes with the driver (libnvidia-ml.so.1)',
    };
  }
  if (paths.every((path) => path.startsWith('NV')))
    return { ...base, consequence: 'every GPU reaches every other over NVLink', remedy: '' };
  const names = PCIE_PATHS.filter(({ name }) => paths.includes(name));
  return {
    ...base,
    consequence: `over PCIe (${names.map(({ name, meaning }) => `${name}: ${meaning}`).join('; ')}) all pairs share bandwidth: rings and staged copies win earlier`,
    remedy: '',
  };
}

/** What the driver says of P2P, before anything was tried. */
export function claimed({ devices }: DevicesReport, links: readonly (readonly (Link | null)[])[]): Finding {
  const pairs = pairsOf(links);
  const without = pairs.filter(({ value }) => !value.access);
  const atomics = pairs.every(({ value }) => value.nativeAtomics);
  const base = { section, what: 'P2P' } as const;
  if (without.length === 0) {
    return {
      ...base,
      found: `offered by the driver for all ${pairs.length} ordered pairs, ${atomics ? 'with' : 'without'} atomics`,
      ok: true,
      consequence: '',
      remedy: '',
    };
  }
  const reasons = [...new Set(without.flatMap(({ value }) => value.refused ?? []))];
  return {
    ...base,
    found: `not offered by the driver for ${without.length} of ${pairs.length} ordered pairs, such as ${name(without[0]!)}${reasons.length === 0 ? '' : ` (${reasons.join(', ')})`}`,
    ok: true,
    consequence:
      devices.length === 2 || without.length === pairs.length
        ? 'kernels of our own cannot run; collectives go through NCCL and host memory'
        : 'kernels of our own run only among GPUs that all reach each other; other groups go through NCCL',
    remedy: 'choose GPUs that reach each other by CUDA_VISIBLE_DEVICES; consumer GPUs have no P2P',
  };
}

/** Pairs that the driver does not offer are a finding of their own; here counts what it offers. */
export function verified({ pairs: offered }: DevicesReport, outcome: Outcome<PeersReport>): Finding {
  const base = { section, what: 'P2P verified' } as const;
  const remedy =
    'switch PCIe access control (ACS) and the IOMMU off for the GPUs, update the driver, or use a plan with nccl only and NCCL_P2P_DISABLE=1';
  if (!outcome.ok && verdictsOf(outcome) === undefined) {
    return {
      ...base,
      found: `not done: ${outcome.reason}`,
      ok: false,
      consequence: 'whether GPUs reach each other is not known; the CUDA engine will meet the same trouble',
      remedy: outcome.how === 'refused' ? 'see what is missing under libraries' : remedy,
    };
  }
  const tried = pairsOf(verdictsOf(outcome)!);
  const pairs = tried.filter(({ from, to }) => offered[from]?.[to]?.access === true);
  const wrong = pairs.filter(({ value }) => !value.ok);
  if (wrong.length > 0) {
    return {
      ...base,
      found: `${wrong.length} of ${pairs.length} ordered pairs do not work, such as ${name(wrong[0]!)}: ${wrong[0]!.value.reason ?? ''}`,
      ok: false,
      consequence: 'collectives over these pairs would give wrong results or never end',
      remedy,
    };
  }
  if (!outcome.ok) {
    return {
      ...base,
      found: `${pairs.length} ordered pairs work, then ${outcome.reason}`,
      ok: false,
      consequence: 'something fails under load that works by itself',
      remedy,
    };
  }
  if (pairs.length === 0)
    return { ...base, found: 'nothing to try: no pair is offered', ok: true, consequence: '', remedy: '' };
  return {
    ...base,
    found: `${pairs.length} ordered pairs wrote and read what they should`,
    ok: true,
    consequence: 'kernels of our own use it',
    remedy: '',
  };
}

/** Verdicts also of a probe that failed later. */
export function verdictsOf(outcome: Outcome<PeersReport>): PeersReport['verdicts'] | undefined {
  return outcome.ok
    ? outcome.value.verdicts
    : (outcome.partial as Partial<PeersReport> | undefined)?.verdicts;
}

export function measured({ notMeasured }: Inspection, outcome: Outcome<PeersReport>): Finding {
  const base = { section, what: 'bandwidth', ok: true } as const;
  if (!outcome.ok || outcome.value.matrices === undefined) {
    return {
      ...base,
      found: 'not measured',
      consequence: notMeasured ?? 'the check before it failed',
      remedy: '',
    };
  }
  const { matrices, allToAll } = outcome.value;
  const rates = offDiagonal(matrices.unidirectional);
  const latency = offDiagonal(matrices.oneWay);
  const slowest = Math.min(...rates);
  const uneven = slowest < UNEVEN * Math.max(...rates);
  return {
    ...base,
    found: `${range(rates, 0)} GB/s one way${latency.length === 0 ? '' : `, a store arrives in ${range(latency, 2)} us`}`,
    consequence:
      allToAll === undefined
        ? 'not all GPUs reach each other, so not measured all at once'
        : `all at once: ${allToAll.push.toFixed(0)} GB/s pushed out of each GPU, ${allToAll.pull.toFixed(0)} pulled, ${allToAll.copyEngine.toFixed(0)} by copy engines: no collective gets more`,
    remedy: uneven
      ? 'links differ: put ranks that exchange most on GPUs with fast links, or look for links that are down'
      : '',
  };
}

/** Links of one kind differ by less. */
const UNEVEN = 0.8;

interface Pair<T> {
  readonly from: number;
  readonly to: number;
  readonly value: T;
}

function pairsOf<T extends Link | PairVerdict>(rows: readonly (readonly (T | null)[])[]): Pair<T>[] {
  return rows.flatMap((row, from) =>
    row.flatMap((value, to) => (from === to || value === null ? [] : [{ from, to, value }])),
  );
}

function name({ from, to }: Pair<unknown>): string {
  return `GPU ${from} -> GPU ${to}`;
}

/** `NV18`, or `8x NODE, 4x NV4`: most of them first. */
function inGroups(paths: readonly string[]): string {
  const kinds = [...new Set(paths)].map((path) => ({ path, count: paths.filter((p) => p === path).length }));
  if (kinds.length === 1) return `${kinds[0]!.path} between all pairs`;
  return kinds
    .sort((a, b) => b.count - a.count)
    .map(({ path, count }) => `${count}x ${path}`)
    .join(', ');
}

function offDiagonal(values: Measured): number[] {
  return values.flatMap((row, i) => row.filter((value, j): value is number => i !== j && value !== null));
}

function range(values: readonly number[], digits: number): string {
  const [least, most] = [Math.min(...values).toFixed(digits), Math.max(...values).toFixed(digits)];
  return least === most ? least : `${least} to ${most}`;
}
