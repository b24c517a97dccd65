/** @file What the doctor says of GPUs: good hosts, and each way in which one can be bad. */
import { expect, test } from 'vitest';
import { gpuFindings } from '../../dist/doctor/gpus.js';
import { type Inspection, reasonNotToMeasure } from '../../dist/doctor/inspection.js';
import { devices, inspection, management, peers, square } from './h200.ts';

function finding(changed: Partial<Inspection>, what: string) {
  const found = gpuFindings({ ...inspection, ...changed }).filter((one) => one.what === what);
  expect(found).toHaveLength(1);
  return found[0]!;
}

test('a host as it should be: everything is ok and nothing to be done', () => {
  const findings = gpuFindings(inspection);
  expect(findings.map(({ what }) => what)).toEqual([
    ...['GPU 0', 'GPU 1', 'GPU 2', 'GPU 3'],
    ...['features', 'links', 'P2P', 'P2P verified', 'bandwidth'],
  ]);
  expect(findings.filter(({ ok, remedy }) => !ok || remedy !== '')).toEqual([]);
  expect(finding({}, 'GPU 3').found).toBe(
    'NVIDIA H200, sm_90, 132 multiprocessors, 139.81 GiB, L2 50 MiB, 18 of 18 NVLinks up (version 4), PCIe 5 x16',
  );
  expect(finding({}, 'links').found).toBe('NV18 between all pairs');
  expect(finding({}, 'features').found).toContain('multicast yes');
  expect(finding({}, 'P2P verified').found).toBe('12 ordered pairs wrote and read what they should');
  expect(finding({}, 'bandwidth')).toMatchObject({
    found: '370 to 374 GB/s one way, a store arrives in 0.71 us',
    consequence: expect.stringContaining('352 GB/s pushed out of each GPU, 320 pulled, 335 by copy engines'),
  });
});

test('a pair whose writes do not arrive is named, and fails', () => {
  const verdicts = square<{ ok: boolean; reason?: string } | null>(null, (i, j) =>
    i === 2 && j === 0 ? { ok: false, reason: 'what it writes does not arrive: 3 of 9 words' } : { ok: true },
  );
  expect(finding({ peers: { ok: true, value: { verdicts } } }, 'P2P verified')).toMatchObject({
    ok: false,
    found:
      '1 of 12 ordered pairs do not work, such as GPU 2 -> GPU 0: what it writes does not arrive: 3 of 9 words',
    remedy: expect.stringContaining('ACS'),
  });
});

test('a probe that ended on the way: what it had found by then counts, and it fails all the same', () => {
  const failed = { ok: false, how: 'hung', reason: 'no answer in 60 s, while measuring' } as const;
  expect(
    finding({ peers: { ...failed, partial: { verdicts: peers.verdicts } } }, 'P2P verified'),
  ).toMatchObject({
    ok: false,
    found: '12 ordered pairs work, then no answer in 60 s, while measuring',
  });
  expect(finding({ peers: failed }, 'P2P verified')).toMatchObject({
    ok: false,
    found: 'not done: no answer in 60 s, while measuring',
  });
  expect(finding({ peers: failed }, 'bandwidth').found).toBe('not measured');
});

test('links over PCIe, links that are not told, links that differ', () => {
  const bare = {
    ...management,
    devices: management.devices.map((device) => ({ ...device, nvlink: { ...device.nvlink, toSwitch: 0 } })),
    pairs: square(null, (i, j) => ({ topology: i < 2 === j < 2 ? 10 : 50, read: 'OK', write: 'OK' })),
  };
  expect(finding({ management: { ok: true, value: bare } }, 'links')).toMatchObject({
    found: '8x SYS, 4x PIX',
    consequence: expect.stringContaining(
      'PIX: through one PCIe switch; SYS: across the link between sockets',
    ),
  });
  const none = { ok: false, how: 'refused', reason: 'NVML was not found' } as const;
  expect(finding({ management: none }, 'links')).toMatchObject({ found: '? between all pairs', ok: true });
  const slow = { ...peers.matrices!, unidirectional: square(2400, (i, j) => (i + j === 5 ? 40 : 370)) };
  expect(finding({ peers: { ok: true, value: { ...peers, matrices: slow } } }, 'bandwidth').remedy).toContain(
    'links differ',
  );
});

test('P2P that the driver does not offer, with the reason of NVML', () => {
  const refusing = {
    ...management,
    pairs: square(null, () => ({ topology: 40, write: 'GPU not supported' })),
  };
  const pairs = square(null, () => ({ access: false, nativeAtomics: false, performanceRank: 1 }));
  expect(
    finding(
      { devices: { ok: true, value: { ...devices, pairs } }, management: { ok: true, value: refusing } },
      'P2P',
    ),
  ).toMatchObject({
    found: 'not offered by the driver for 12 of 12 ordered pairs, such as GPU 0 -> GPU 1 (GPU not supported)',
    consequence: expect.stringContaining('NCCL and host memory'),
  });
  const verdicts = square(null, () => ({ ok: false, reason: 'mapping failed' }));
  expect(
    finding(
      {
        devices: { ok: true, value: { ...devices, pairs } },
        peers: { ok: true, value: { verdicts } },
      },
      'P2P verified',
    ),
  ).toMatchObject({ ok: true, found: 'nothing to try: no pair is offered' });
});

test('GPUs that the CUDA engine cannot use fail', () => {
  const mig = { ...management, devices: management.devices.map((device) => ({ ...device, mig: true })) };
  expect(finding({ management: { ok: true, value: mig } }, 'GPU 0')).toMatchObject({ ok: false });
  const old = { ...devices, devices: devices.devices.map((device) => ({ ...device, virtualMemory: false })) };
  expect(finding({ devices: { ok: true, value: old } }, 'GPU 0').consequence).toContain('virtual memory');
});

test('no GPUs: none at all, none shown, a driver that crashes', () => {
  const refused = { ok: false, how: 'refused', reason: 'not found' } as const;
  expect(finding({ driverLoaded: false, devices: refused }, 'GPUs')).toMatchObject({ ok: true });
  const empty = { ...devices, devices: [], pairs: [] };
  expect(finding({ devices: { ok: true, value: empty } }, 'GPUs')).toMatchObject({
    ok: true,
    remedy: expect.stringContaining('CUDA_VISIBLE_DEVICES'),
  });
  const crashed = {
    ok: false,
    how: 'crashed',
    reason: 'it ended with SIGSEGV while loading devices',
  } as const;
  expect(finding({ devices: crashed }, 'GPUs')).toMatchObject({
    ok: false,
    found: expect.stringContaining('SIGSEGV'),
  });
});

test('links are measured when no GPU is in use, or when asked for', () => {
  const answer = { ok: true, value: management } as const;
  expect(reasonNotToMeasure(undefined, devices, answer)).toBeUndefined();
  expect(reasonNotToMeasure(false, devices, answer)).toContain('--no-measure');
  const [first, ...rest] = management.devices;
  for (const busy of [{ usedBytes: 10 * 2 ** 30 }, { utilization: 40 }]) {
    const value = { ...management, devices: [{ ...first!, ...busy }, ...rest] };
    expect(reasonNotToMeasure(undefined, devices, { ok: true, value })).toContain('GPU 0 is in use');
    expect(reasonNotToMeasure(true, devices, { ok: true, value })).toBeUndefined();
  }
});
