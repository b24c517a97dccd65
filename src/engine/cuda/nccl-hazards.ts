/**
 * @file What is known to go wrong with a version of NCCL: what it is, what follows, what to do about it. Sources are NCCL's own code and issues,
 * and the issues of the serving engines that met them.
 */
import { versionText } from '../../ffi/nccl-types.ts';

export interface Hazard {
  readonly what: string;
  readonly consequence: string;
  readonly remedy: string;
}

interface Known extends Hazard {
  /** First and last version that has it, as ncclGetVersion tells them; no last where later ones have it too. */
  readonly from: number;
  readonly to?: number;
}

/** Symmetric kernels of these versions do not wait for the kernel before them. */
const RACE = { from: 22803, to: 23004 } as const;
/** Windows that are not supported are registered with success, and what comes back is not NULL. */
const SILENT = { from: 22800, to: 22902 } as const;

const HAZARDS: readonly Known[] = [
  {
    from: 0,
    to: 22299,
    what: 'no ncclCommInitRankScalable before 2.23',
    consequence: "crossover cannot make a communicator: NCCL's algorithms are left out",
    remedy: 'install NCCL 2.23 or newer, or name one with CROSSOVER_NCCL',
  },
  {
    from: 22300,
    to: 22702,
    what: 'no symmetric memory before 2.27.3',
    consequence: 'nccl_symmetric is left out; small messages cost two to three times as much',
    remedy: 'install NCCL 2.28 or newer, or name one with CROSSOVER_NCCL',
  },
  {
    from: 22703,
    to: 22799,
    what: 'symmetric windows of 2.27 cannot be told from registrations that failed',
    consequence: 'nccl_symmetric is left out here; elsewhere it may silently run the ordinary kernels',
    remedy: 'install NCCL 2.28 or newer, or name one with CROSSOVER_NCCL',
  },
  {
    ...RACE,
    what: 'symmetric kernels of 2.28.3 to 2.30.4 do not wait for the kernel before them under programmatic dependent launch',
    consequence:
      'they may read their input before it is written: silent wrong results (sglang #37768, #29946)',
    remedy:
      'crossover puts an empty kernel before each; in serving engines leave symmetric memory off, or install NCCL 2.30.7 or newer',
  },
  {
    ...SILENT,
    what: 'window registration reports success where it is not supported',
    consequence: 'ordinary kernels run, and whoever measures takes them for symmetric ones',
    remedy:
      'crossover looks at the window itself; elsewhere look for "[Symmetric]" under NCCL_DEBUG_SUBSYS=TUNING',
  },
  {
    from: 22900,
    to: 22999,
    what: 'small all-reduces of 2.29 are slower than those of 2.28 (NCCL #2094)',
    consequence: 'decode steps of small batches take longer',
    remedy: 'measure it: crossover bench --algorithm nccl; use 2.28 or 2.30.7 if it matters',
  },
  {
    from: 22907,
    to: 23006,
    what: 'symmetric low-latency kernels poll with acquire loads (2.29.7, NCCL #2058; relaxed again in 2.30.7)',
    consequence: 'symmetric collectives of small messages are slower',
    remedy: 'install NCCL 2.30.7 or newer',
  },
  {
    from: 22907,
    to: 22907,
    what: 'deadlocks of 2.29.7: windows registered while serving (sglang #36943), all-gather on windows (NCCL #2241)',
    consequence: 'all ranks wait for ever, without a message',
    remedy: 'register before serving, as crossover does, or install NCCL 2.30.7 or newer',
  },
  {
    from: 22900,
    what: 'with NCCL_NVLS_ENABLE at its default, failing to get one of the 128 multicast slots of an NVSwitch ends the start (NCCL #2077)',
    consequence: 'engines do not start while others, or what crashed ones left, hold the slots',
    remedy: 'set NCCL_NVLS_ENABLE=0; crossover does so for itself, always',
  },
];

/** The hazards of a version. */
export function hazards(version: number): Hazard[] {
  return HAZARDS.filter(({ from, to }) => version >= from && version <= (to ?? version)).map(
    ({ what, consequence, remedy }) => ({ what, consequence, remedy }),
  );
}

/** Whether a plain empty kernel has to run before a symmetric one. */
export function needsFence(version: number): boolean {
  return version >= RACE.from && version <= RACE.to;
}

/** Whether a window has to be looked at to know that it is one. */
export function windowMayBeSham(version: number): boolean {
  return version >= SILENT.from && version <= SILENT.to;
}

/** Why a version has no symmetric windows that can be relied on, or undefined when it has. */
export function symmetricRefusal(version: number): string | undefined {
  return version < SILENT.from
    ? `NCCL ${versionText(version)} has no symmetric windows that can be relied on; 2.28 is the first`
    : undefined;
}
