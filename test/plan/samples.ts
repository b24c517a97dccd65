/**
 * @file Plans to test with: one written by hand, and generators of curves, entries and whole plans.
 */
import fc from 'fast-check';
import { makePlanEntry } from '../../dist/plan/entry.js';
import { keyName, type PlanKey } from '../../dist/plan/key.js';
import type { Candidate, Fingerprint, Plan, PlanEntry } from '../../dist/plan/plan.js';

export const KEY: PlanKey = {
  operation: 'all_reduce',
  dtype: 'bf16',
  worldSize: 4,
  mode: 'replay',
  registered: true,
};

export const FUSED: PlanKey = {
  operation: 'all_reduce_rms_norm',
  dtype: 'bf16',
  worldSize: 2,
  mode: 'replay',
  hidden: 4096,
  quantization: 'none',
  registered: true,
};

export const FINGERPRINT: Fingerprint = {
  engine: 'cuda',
  host: { platform: 'linux', arch: 'x64', cpu: 'Example CPU 9000', cores: 64, node: 'v20.11.1' },
  device: { gpu: 'NVIDIA H200', driver: '575.57.08', nccl: '2.27.3' },
  kernels: 'b1946ac92492d234',
};

/** A curve without spread: `curve('a', { 1024: 5, 2048: 6 })`. */
export function curve(algorithm: string, times: Record<number, number>, spread = 0): Candidate {
  const points = Object.entries(times).map(([bytes, us]) => ({ bytes: Number(bytes), us, spread }));
  return { algorithm, tunables: {}, points };
}

/** One-shot wins up to 4 KiB, two-shot the middle, NCCL from 64 KiB on. */
export function sampleEntry(key: PlanKey = KEY): PlanEntry {
  return {
    key,
    measured: { from: 1024, to: 1048576 },
    ranges: [
      { from: 0, to: 4096, algorithm: 'one_shot_push', tunables: {}, at: 2048, us: 5, spread: 0.1 },
      {
        from: 4096,
        to: 65536,
        algorithm: 'two_shot_pull',
        tunables: { blocks: 24 },
        at: 16384,
        us: 8,
        spread: 0.2,
      },
      { from: 65536, to: null, algorithm: 'nccl', tunables: {}, at: 262144, us: 20, spread: 0.5 },
    ],
    candidates: [
      {
        algorithm: 'one_shot_push',
        tunables: {},
        points: [
          { bytes: 1024, us: 4, spread: 0.1 },
          { bytes: 4096, us: 8, spread: 0.1 },
        ],
      },
      {
        algorithm: 'two_shot_pull',
        tunables: { blocks: 24 },
        points: [
          { bytes: 4096, us: 6, spread: 0.2 },
          { bytes: 65536, us: 16, spread: 0.2 },
        ],
      },
      {
        algorithm: 'nccl',
        tunables: {},
        points: [
          { bytes: 1024, us: 12, spread: 0.5 },
          { bytes: 65536, us: 14, spread: 0.5 },
          { bytes: 1048576, us: 40, spread: 0.5 },
        ],
      },
    ],
  };
}

export function samplePlan(entries: PlanEntry[] = [sampleEntry(), sampleEntry(FUSED)]): Plan {
  return {
    schema: 1,
    crossover: '0.1.0',
    createdAt: '2026-01-31T12:00:00.000Z',
    command: 'crossover tune --ranks 4',
    deterministic: false,
    fingerprint: FINGERPRINT,
    entries,
    regret: {
      mean: 0.01,
      worst: 0.05,
      count: 12,
      worstAt: { key: keyName(KEY), bytes: 3000, chosen: 'one_shot_push', best: 'nccl' },
    },
  };
}

// ---------- Generators ----------

const microseconds = fc.double({ min: 0.05, max: 1e6, noNaN: true });
const point = fc.record({ us: microseconds, share: fc.double({ min: 0, max: 0.4, noNaN: true }) });

/** Candidates over one irregular grid of sizes, each with some points left out; at least one point in all. */
export const arbitraryCandidates: fc.Arbitrary<Candidate[]> = fc
  .record({
    sizes: fc.uniqueArray(fc.integer({ min: 1, max: 1 << 30 }), { minLength: 1, maxLength: 14 }),
    near: fc.boolean(),
    tables: fc.array(fc.array(fc.option(point), { minLength: 28, maxLength: 28 }), {
      minLength: 1,
      maxLength: 5,
    }),
  })
  .map(({ sizes, near, tables }) => {
    // Neighbours one byte apart leave no room for a boundary between them.
    const grid = [...new Set(near ? sizes.flatMap((bytes) => [bytes, bytes + 1]) : sizes)].sort(
      (a, b) => a - b,
    );
    return tables.map((table, index): Candidate => {
      const points = grid.flatMap((bytes, at) => {
        const cell = table[at];
        return cell ? [{ bytes, us: cell.us, spread: cell.share * cell.us }] : [];
      });
      return { algorithm: `a${index >> 1}`, tunables: index & 1 ? { blocks: index } : {}, points };
    });
  })
  .filter((candidates) => candidates.some(({ points }) => points.length > 0));

export const arbitraryEntry: fc.Arbitrary<PlanEntry> = arbitraryCandidates.map((candidates) =>
  makePlanEntry(KEY, candidates),
);

const word = fc.string({ minLength: 1, maxLength: 12, unit: 'grapheme' });

export const arbitraryPlan: fc.Arbitrary<Plan> = fc
  .record({
    curves: fc.array(arbitraryCandidates, { maxLength: 4 }),
    command: word,
    cpu: word,
    device: fc.dictionary(
      word.filter((name) => name !== '__proto__'),
      fc.string(),
      { noNullPrototype: true },
    ),
    deterministic: fc.boolean(),
    date: fc.date({ min: new Date(0), max: new Date('9999-12-31'), noInvalidDate: true }),
  })
  .map(({ curves, command, cpu, device, deterministic, date }) => ({
    ...samplePlan(
      curves.map((candidates, index) => makePlanEntry({ ...FUSED, hidden: 1024 * (index + 1) }, candidates)),
    ),
    command,
    deterministic,
    createdAt: date.toISOString(),
    fingerprint: { ...FINGERPRINT, host: { ...FINGERPRINT.host, cpu }, device },
  }));
