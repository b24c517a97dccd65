/** @file Libraries that are there, missing, or not to be trusted; variables that change what collectives do. */
import { expect, test } from 'vitest';
import { environmentFindings } from '../../dist/doctor/environment.js';
import { libraryFindings } from '../../dist/doctor/libraries.js';
import { inspection } from './h200.ts';

test('libraries with version and path, and the hazards of this NCCL', () => {
  const findings = libraryFindings(inspection, true);
  expect(findings.map(({ what, found }) => `${what}: ${found}`)).toEqual(
    expect.arrayContaining([
      'driver: 580.159.04, CUDA 13.0',
      'NVRTC: 13.0 (libnvrtc.so.13)',
      'NCCL: 2.28.9 (libnccl.so.2)',
      'cuBLASLt: 13.1.1 (libcublasLt.so.13)',
    ]),
  );
  const hazards = findings.filter(({ what }) => what === 'NCCL 2.28.9');
  expect(hazards.map(({ found }) => found).join('\n')).toContain('programmatic dependent launch');
  for (const { consequence, remedy } of hazards) expect(consequence && remedy).not.toBe('');
  expect(findings.every(({ ok }) => ok)).toBe(true);
});

test('NVRTC is needed where there are GPUs and no nvcc; NCCL is not', () => {
  const missing = {
    ok: false,
    how: 'refused',
    reason: 'NVRTC was not found; looked for here, there; without it, nothing compiles; install it',
  } as const;
  const changed = { ...inspection, nvrtc: missing, nccl: missing };
  const of = (gpus: boolean, nvcc: boolean, what: string) =>
    libraryFindings(nvcc ? { ...changed, nvcc: { path: 'nvcc', version: '13.0.88' } } : changed, gpus).find(
      (finding) => finding.what === what,
    );
  expect(of(true, false, 'NVRTC')).toMatchObject({
    ok: false,
    found: 'NVRTC was not found; looked for here, there',
    consequence: 'nothing compiles',
    remedy: 'install it',
  });
  expect(of(true, true, 'NVRTC')).toMatchObject({
    ok: true,
    consequence: expect.stringContaining('nvcc 13.0.88'),
  });
  expect(of(false, false, 'NVRTC')).toMatchObject({ ok: true });
  expect(of(true, false, 'NCCL')).toMatchObject({ ok: true });
});

test('a library that crashes its probe is told as that', () => {
  const nccl = { ok: false, how: 'crashed', reason: 'it ended with SIGSEGV while loading nccl' } as const;
  expect(libraryFindings({ ...inspection, nccl }, true).at(-1)).toMatchObject({
    what: 'NCCL',
    found: 'crashed: it ended with SIGSEGV while loading nccl',
    remedy: expect.stringContaining('_NCCL'),
  });
});

test('a secret is never shown', () => {
  const [finding] = environmentFindings({ CROSSOVER_SECRET: 'what nobody may read' });
  expect(finding).toMatchObject({ what: 'CROSSOVER_SECRET', found: '(set, not shown)' });
  expect(JSON.stringify(finding)).not.toContain('nobody may read');
});

test('only variables that are set and matter, each with its meaning for this value', () => {
  const findings = environmentFindings({
    HOME: '/root',
    CUDA_HOME: '/usr/local/cuda',
    NCCL_VERSION: '2.28.9-1',
    NCCL_P2P_DISABLE: '1',
    NCCL_NVLS_ENABLE: '0',
    CUDA_VISIBLE_DEVICES: '',
    NCCL_NO_SUCH_THING: '1',
    toString: 'x',
  });
  expect(findings.map(({ what, found }) => [what, found])).toEqual([
    ['CUDA_VISIBLE_DEVICES', '(empty)'],
    ['NCCL_NO_SUCH_THING', '1'],
    ['NCCL_NVLS_ENABLE', '0'],
    ['NCCL_P2P_DISABLE', '1'],
  ]);
  expect(findings[1]!.consequence).toBe('not a variable that crossover knows');
  expect(findings[3]!.consequence).toContain('host memory');
  expect(environmentFindings({ NCCL_P2P_DISABLE: '0' })[0]!.consequence).toBe('NCCL uses P2P');
  expect(environmentFindings({ NCCL_NVLS_ENABLE: '1' })[0]!.consequence).toContain('without asking');
});
