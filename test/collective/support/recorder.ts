/**
 * @file An engine that runs nothing and notes what it is asked to: for what goes on above engines, on devices that this host lacks.
 */
import { type Engine, emptyLaunch, type Launch } from '../../../dist/engine/engine.js';
import type { Group } from '../../../dist/group/group.js';

export interface Recorder extends Engine {
  /** Copies of all launches. */
  readonly launches: Launch[];
}

export interface Recorded {
  readonly worldSize?: number;
  readonly rank?: number;
  /** Why a kernel is not available. */
  readonly missing?: (kernel: string) => string | undefined;
  /** Why memory outside the arena is not this device's; all of it is by default. */
  readonly problem?: (address: number, bytes: number) => string | undefined;
}

/** Of the arena of every recorder. */
export const BASE = 0x7f00_0000_0000;
export const BYTES = 1 << 20;

export function recorder({ worldSize = 4, rank = 0, missing, problem }: Recorded = {}): Recorder {
  const launches: Launch[] = [];
  const unused = (): never => {
    throw new Error('this engine only notes launches');
  };
  return {
    launches,
    name: 'cuda',
    group: { rank, size: worldSize, gather: (value: unknown) => [value] } as unknown as Group,
    arena: { base: BASE, bytes: BYTES },
    traits: {
      multiprocessors: 132,
      cacheBytes: 50 << 20,
      mailboxBytes: 64 << 20,
      stageBytes: 64 << 20,
      allToAll: true,
    },
    maxHidden: 16384,
    missing: missing ?? (() => undefined),
    problemWithMemory: problem ?? (() => undefined),
    compute: unused,
    scratchBytes: unused,
    enqueue: (launch) => void launches.push({ ...emptyLaunch(), ...launch }),
    beginCapture() {},
    abortCapture() {},
    endCapture: () => ({ launches: launches.length, replay: unused, close() {} }),
    synchronize() {},
    fingerprint: unused,
    read: unused,
    write: unused,
    close() {},
  };
}
