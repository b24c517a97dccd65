/**
 * @file Hosts by name. Bandwidths are the links' own; what kernels make of them is in the efficiencies (topology.ts).
 * Latencies come from measured small sizes, given beside each; a preset without a measurement says so.
 */
import { CrossoverError } from '../errors.ts';
import { nvlinkAllToAll, pcieTree, type Topology } from './topology.ts';

interface Preset {
  readonly summary: string;
  readonly build: () => Topology;
}

/** NVLink 4: 18 links of 25 GB/s each way. */
const NVLINK4 = 450;

/**
 * One way between H200s, us: vLLM's 1-stage kernel takes 4.30 us at 8 KB and its 2-stage kernel 8.02 us (4 GPUs, CUDA
 * graph, empty kernel 0.54 us), which is launch + 4 and launch + 7 of these to within 8 %.
 */
const H200_LATENCY = 1.0;

const h200 = (ranks: number): Topology =>
  nvlinkAllToAll({ name: `h200-nvlink-${ranks}`, ranks, bandwidth: NVLINK4, latency: H200_LATENCY });

export const PRESETS: Readonly<Record<string, Preset>> = {
  'h200-nvlink-2': { summary: '2x H200, NVLink 4, constants of 4x', build: () => h200(2) },
  'h200-nvlink-4': { summary: '4x H200, NVLink 4, measured', build: () => h200(4) },
  'h200-nvlink-8': { summary: '8x H200, NVLink 4, constants of 4x', build: () => h200(8) },
  'rtx4090-pcie4-4': {
    summary: '4x RTX 4090 on PCIe 4, from published logs (vLLM #36481)',
    build: () =>
      pcieTree({
        name: 'rtx4090-pcie4-4',
        switches: 1,
        devices: 4,
        bandwidth: 26.33,
        latency: 0.7,
        launch: 0.5,
      }),
  },
  'pcie5-switch-8': {
    summary: '8 devices on two PCIe 5 switches under one root, nominal, not measured',
    build: () => pcieTree({ name: 'pcie5-switch-8', switches: 2, devices: 4, bandwidth: 55, latency: 0.6 }),
  },
};

/** A preset by name, or an error that lists them. */
export function preset(name: string): Topology {
  const found = Object.hasOwn(PRESETS, name) ? PRESETS[name] : undefined;
  if (found === undefined) {
    throw new CrossoverError(`preset is "${name}"; use one of ${Object.keys(PRESETS).join(', ')}`);
  }
  return found.build();
}
