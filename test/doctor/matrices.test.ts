/** @file Matrices in the layout of p2pBandwidthLatencyTest: our own reader of that program's output reads ours. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { describe } from '../../dist/doctor/describe.js';
import { gpuFindings } from '../../dist/doctor/gpus.js';
import { formatConnectivity, formatLinks, formatMatrices } from '../../dist/doctor/matrices.js';
import { linkMatrix } from '../../dist/engine/cuda/inspect/links.js';
import { readP2P } from '../../dist/interop/read/p2p.js';
import { devices, inspection, management, matrices, peers, square } from './h200.ts';

test('what is printed is read back, to two decimals', () => {
  const log = readP2P(describe(gpuFindings(inspection), inspection));
  expect(log.unidirectional.writes).toEqual(matrices.unidirectional);
  expect(log.bidirectional).toEqual({ writes: matrices.bidirectional });
  expect(log.latency.writes).toEqual(matrices.latency);
  expect(log.connectivity).toEqual(square(1, () => 1));
});

test('lines are those of the sample', () => {
  const sample = readFileSync(new URL('../data/p2pBandwidthLatencyTest_4x4090.txt', import.meta.url), 'utf8')
    .split('\n')
    .map((line) => line.trimEnd());
  const read = readP2P(sample.join('\n'));
  const ours = formatMatrices({
    ...matrices,
    unidirectional: read.unidirectional.writes!,
    bidirectional: read.bidirectional.writes!,
  }).split('\n');
  const lines = (all: string[], title: RegExp) =>
    all.slice(all.findIndex((line) => title.test(line))).slice(1, 6);
  for (const title of [/^Unidirectional P2P=Enabled/, /^Bidirectional P2P=Enabled/])
    expect(lines(ours, title)).toEqual(lines(sample, title));
  expect(formatConnectivity(peers.verdicts).split('\n')).toEqual(
    sample.slice(sample.indexOf('P2P Connectivity Matrix')).slice(0, 6),
  );
});

test('pairs without verified P2P have no number', () => {
  const text = formatMatrices({ ...matrices, stores: square(null, () => null) });
  expect(text).toMatch(/multiprocessors \(GB\/s\)\n {3}D\\D.*\n {5}0 {6}- {6}-/);
});

test('links as nvidia-smi shows them', () => {
  expect(formatLinks(linkMatrix(devices, management)).split('\n').slice(0, 2)).toEqual([
    '      GPU0  GPU1  GPU2  GPU3',
    'GPU0     X  NV18  NV18  NV18',
  ]);
});

test('direct NVLinks count for the pair alone; the driver may number GPUs otherwise than NVML', () => {
  const nvlink = (toDevice: Record<string, number>) => ({ links: 4, active: 4, toSwitch: 0, toDevice });
  const [a, b, c, d] = management.devices.map(({ pciBusId }) => pciBusId);
  const remotes = [{ [b!]: 4 }, { [a!]: 4 }, { [d!]: 2 }, { [c!]: 2 }];
  const direct = {
    ...management,
    devices: management.devices.map((device, i) => ({ ...device, nvlink: nvlink(remotes[i]!) })),
  };
  // CUDA_VISIBLE_DEVICES=3,2,1,0
  const reversed = { ...devices, devices: [...devices.devices].reverse() };
  const paths = linkMatrix(reversed, direct).map((row) => row.map((link) => link?.path ?? 'X'));
  expect(paths[0]).toEqual(['X', 'NV2', 'NODE', 'NODE']);
  expect(paths[3]).toEqual(['NODE', 'NODE', 'NV4', 'X']);
});
