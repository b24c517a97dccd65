/**
 * @file Starts a process for each rank of this host. All that ranks share is created by the launcher and inherited by them: connections and
 * memory without a name, so that nobody else can open them, and nothing is left behind however the group ends.
 */
import { fork } from 'node:child_process';
import { closeSync } from 'node:fs';
import type { Socket } from 'node:net';
import { createShared, mapShared, type SharedWords, socketPair } from '../ffi/libc.ts';
import { controlBytes } from './control.ts';
import type { LinkSetup } from './link.ts';
import { unpack } from './pack.ts';
import type { RankReport } from './program.ts';
import type { RankEvents, RankHandle } from './rank-handle.ts';
import type { ProcessSetup } from './rank-process.ts';

/** Descriptors of a rank's process: its streams, the channel to the launcher, the control block, then links. */
const CONTROL_FD = 4;
const FIRST_LINK_FD = 5;
/** How long a process may take to end by itself when all is done. */
const PATIENCE_MS = 1500;

/** A descriptor of this process, or a connection, which a rank is to inherit. */
export type Inherited = number | Socket;
/** A link whose descriptor in the rank's process is not known yet. */
export type LinkPlan = Omit<LinkSetup, 'fd'> & { readonly inherited: Inherited };

/** What the ranks of one host share. */
export class HostResources {
  readonly control: SharedWords;
  readonly controlFd: number;
  /** Both ends of a connection between the host's first rank and each other one. */
  readonly pairs: readonly (readonly [first: number, other: number])[];
  readonly #open: Set<Inherited> = new Set();

  constructor(ranks: number, sockets: readonly Socket[]) {
    for (const socket of sockets) this.#open.add(socket);
    this.controlFd = this.#keep(createShared('crossover-control', controlBytes(ranks)));
    this.control = mapShared(this.controlFd, controlBytes(ranks));
    this.pairs = Array.from({ length: ranks - 1 }, () => {
      const [first, other] = socketPair();
      return [this.#keep(first), this.#keep(other)] as const;
    });
  }

  /** What a rank has inherited is closed here, so that its peers notice when it ends. */
  close(inherited: Inherited): void {
    if (!this.#open.delete(inherited)) return;
    if (typeof inherited === 'number') closeSync(inherited);
    else inherited.destroy();
  }

  closeAll(): void {
    for (const inherited of this.#open) this.close(inherited);
    this.control.unmap();
  }

  #keep(fd: number): number {
    this.#open.add(fd);
    return fd;
  }
}

/** A rank's setup, but for the descriptors that it gets here. */
export interface ProcessPlan
  extends Omit<ProcessSetup, 'up' | 'down' | 'control' | 'controlBytes' | 'launcher'> {
  readonly up: LinkPlan | undefined;
  readonly down: readonly LinkPlan[];
}

export function startProcess(plan: ProcessPlan, resources: HostResources, events: RankEvents): RankHandle {
  const links = [...(plan.up ? [plan.up] : []), ...plan.down];
  const setups = links.map(({ inherited: _, ...link }, i): LinkSetup => ({ ...link, fd: FIRST_LINK_FD + i }));
  const child = fork(new URL('./rank-process.js', import.meta.url), plan.args, {
    stdio: [
      'ignore',
      'inherit',
      'inherit',
      'ipc',
      resources.controlFd,
      ...links.map(({ inherited }) => inherited),
    ],
    serialization: 'advanced',
    env: environment(plan),
  });
  for (const { inherited } of links) resources.close(inherited);

  let how: string | undefined;
  let ended = (): void => {};
  const end = new Promise<void>((resolve) => {
    ended = resolve;
  });
  // What a process said last may be read after it has exited, and is before the channel is closed.
  const onEnd = (): void => {
    if (how === undefined || child.connected) return;
    events.ended(how);
    ended();
  };
  child.on('message', (report: RankReport) => events.reported(received(report)));
  child.on('disconnect', onEnd);
  child.on('exit', (code, signal) => {
    how = code === null ? `was ended by ${signal}` : `exited with code ${code}`;
    onEnd();
  });
  child.on('error', (error) => {
    if (child.pid !== undefined) return;
    events.ended(`could not be started (${error.message})`);
    ended();
  });
  if (child.pid !== undefined) {
    const setup: ProcessSetup = {
      ...plan,
      launcher: process.pid,
      control: CONTROL_FD,
      controlBytes: controlBytes(plan.localSize),
      up: plan.up && setups[0],
      down: plan.up ? setups.slice(1) : setups,
    };
    // A process that has ended already is reported as that.
    child.send(setup, () => {});
  }
  return {
    end: async (succeeded) => {
      if (succeeded && child.connected) child.disconnect();
      const timer = setTimeout(() => child.kill('SIGKILL'), succeeded ? PATIENCE_MS : 0);
      // If even that does not end it, this process need not wait for it.
      child.unref();
      await end;
      clearTimeout(timer);
    },
  };
}

function received(report: RankReport): RankReport {
  return report.kind === 'returned' ? { ...report, value: unpack(report.value as Uint8Array) } : report;
}

function environment(plan: ProcessPlan): NodeJS.ProcessEnv {
  const { CROSSOVER_SECRET: _, ...inherited } = process.env;
  return {
    // NVLink multicast is opt-in, and NCCL would use it by itself.
    NCCL_NVLS_ENABLE: '0',
    ...inherited,
    CROSSOVER_RANK: String(plan.rank),
    CROSSOVER_WORLD_SIZE: String(plan.size),
    CROSSOVER_LOCAL_RANK: String(plan.localRank),
    CROSSOVER_LOCAL_WORLD_SIZE: String(plan.localSize),
  };
}
