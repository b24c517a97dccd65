/**
 * @file Which pairs of GPUs are known to reach each other's memory, kept on disk so that an engine need not check at every start. A verdict
 * holds for one boot of one driver, these devices in this order, and the kernel that checked; after any change it is not found.
 */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CubinCache, cacheFolder } from '../cubin-cache.ts';
import { sourceHash } from '../sources.ts';
import type { DevicesReport } from './devices.ts';
import { PEER_CHECK_FILE, type PeerVerdicts } from './peer-check.ts';

/** What a verdict depends on. */
export interface VerdictKey {
  /** Text of the driver's own version, and the CUDA version it supports. */
  readonly driver: string;
  /** Of the host's boot: cables, slots and BIOS settings change between boots. */
  readonly boot: string;
  readonly devices: readonly string[];
  readonly kernel: string;
}

/** The key here, or undefined where the host does not say enough for a verdict to be trusted later. */
export function verdictKey({ driverVersion, devices }: DevicesReport): VerdictKey | undefined {
  const driver = textOf('/proc/driver/nvidia/version');
  const boot = textOf('/proc/sys/kernel/random/boot_id');
  if (driver === undefined || boot === undefined) return undefined;
  return {
    driver: `${driverVersion} ${driver}`,
    boot,
    devices: devices.map(({ uuid, pciBusId }) => `${uuid} ${pciBusId}`),
    kernel: sourceHash(PEER_CHECK_FILE),
  };
}

/** Files like those of the cubin cache: whole or absent, checksummed, read only when nobody else could have written them. */
export class VerdictCache {
  readonly #files: CubinCache;

  constructor(folder: string = join(dirname(cacheFolder()), 'p2p')) {
    // Without a folder every start checks anew, which takes a second and is nothing to be warned of.
    this.#files = new CubinCache(() => {}, folder);
  }

  read(key: VerdictKey): PeerVerdicts | undefined {
    const bytes = this.#files.read(fileKey(key));
    return bytes === undefined
      ? undefined
      : (JSON.parse(Buffer.from(bytes).toString('utf8')) as PeerVerdicts);
  }

  write(key: VerdictKey, verdicts: PeerVerdicts): void {
    this.#files.write(fileKey(key), Buffer.from(JSON.stringify(verdicts)));
  }
}

function fileKey({ driver, boot, devices, kernel }: VerdictKey): Parameters<CubinCache['read']>[0] {
  return { sourceHash: kernel, defines: devices, architecture: boot, compiler: driver };
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim() || undefined;
  } catch {
    return undefined;
  }
}
