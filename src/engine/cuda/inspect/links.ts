/**
 * @file The link between every two GPUs, in the words of `nvidia-smi topo -m`: NV18 for 18 NVLinks, or the PCIe path.
 */
import type { DevicesReport } from './devices.ts';
import type { ManagedDevice, ManagementReport } from './management.ts';

export interface Link {
  /** `NV18`, `PIX`, `PXB`, `PHB`, `NODE`, `SYS`; `?` when NVML does not tell. */
  readonly path: string;
  /** NVLinks between the two, through a switch or not. */
  readonly nvlinks: number;
  /** Whether the driver says that the row's device can access the column's memory. */
  readonly access: boolean;
  readonly nativeAtomics: boolean;
  /** Why NVML says that P2P is off; absent when it does not. */
  readonly refused?: string;
}

/** Names of the PCIe paths, the closest first, and what each means. */
export const PCIE_PATHS: readonly { level: number; name: string; meaning: string }[] = [
  { level: 0, name: 'PSB', meaning: 'on one board' },
  { level: 10, name: 'PIX', meaning: 'through one PCIe switch' },
  { level: 20, name: 'PXB', meaning: 'through several PCIe switches' },
  { level: 30, name: 'PHB', meaning: "through the CPU's PCIe host bridge" },
  { level: 40, name: 'NODE', meaning: 'through host bridges of one socket' },
  { level: 50, name: 'SYS', meaning: 'across the link between sockets' },
];

/** [device][peer] as the driver numbers them; the diagonal is null. `management` is undefined where there is no NVML. */
export function linkMatrix(
  { devices, pairs }: DevicesReport,
  management?: ManagementReport,
): (Link | null)[][] {
  const managed = devices.map(({ uuid }) =>
    management === undefined ? -1 : management.devices.findIndex((device) => device.uuid === uuid),
  );
  return devices.map((_, i) =>
    devices.map((_, j) => {
      const facts = pairs[i]![j];
      if (facts === null || facts === undefined) return null;
      const [a, b] = [management?.devices[managed[i]!], management?.devices[managed[j]!]];
      const pair = management?.pairs[managed[i]!]?.[managed[j]!];
      const nvlinks = a === undefined || b === undefined ? 0 : nvlinksBetween(a, b);
      const refused = [pair?.write, pair?.read].find((status) => status !== undefined && status !== 'OK');
      return {
        path:
          nvlinks > 0
            ? `NV${nvlinks}`
            : (PCIE_PATHS.find(({ level }) => level === pair?.topology)?.name ?? '?'),
        nvlinks,
        access: facts.access,
        nativeAtomics: facts.nativeAtomics,
        ...(refused === undefined ? {} : { refused }),
      };
    }),
  );
}

/** Direct links count as they are; through switches every link of the device with fewer can be used. */
function nvlinksBetween(a: ManagedDevice, b: ManagedDevice): number {
  const direct = a.nvlink.toDevice[b.pciBusId] ?? 0;
  return direct > 0 ? direct : Math.min(a.nvlink.toSwitch, b.nvlink.toSwitch);
}
