/**
 * @file Fingerprints: what makes a plan foreign and what does not.
 */
import { expect, it } from 'vitest';
import { fingerprintDifferences, hostFingerprint } from '../../dist/plan/fingerprint.js';
import { validatePlan } from '../../dist/plan/validate.js';
import { FINGERPRINT, samplePlan } from './samples.ts';

it('describes this machine in a form that a plan accepts', () => {
  const here = hostFingerprint('cpu', { wasm: 'simd' }, 'abc');
  expect(here).toMatchObject({
    engine: 'cpu',
    device: { wasm: 'simd' },
    kernels: 'abc',
    host: { node: process.version },
  });
  expect(validatePlan({ ...samplePlan(), fingerprint: here }, 'plan').fingerprint).toEqual(here);
  expect(fingerprintDifferences(here, hostFingerprint('cpu', { wasm: 'simd' }, 'abc'))).toEqual([]);
});

it('names everything that changes timings', () => {
  const here = {
    engine: 'cpu' as const,
    host: { platform: 'darwin', arch: 'arm64', cpu: 'M9', cores: 8, node: 'v22.0.0' },
    device: { gpu: 'NVIDIA B200', driver: '575.57.08', cuda: '13.0' },
    kernels: 'x',
  };
  expect(fingerprintDifferences(FINGERPRINT, here)).toEqual([
    'engine: cuda in the plan, cpu here',
    'platform: linux in the plan, darwin here',
    'architecture: x64 in the plan, arm64 here',
    'CPU: Example CPU 9000 in the plan, M9 here',
    'cores: 64 in the plan, 8 here',
    'Node.js: v20 in the plan, v22 here',
    'cuda: none in the plan, 13.0 here',
    'gpu: NVIDIA H200 in the plan, NVIDIA B200 here',
    'nccl: 2.27.3 in the plan, none here',
    'kernels: b1946ac92492d234 in the plan, x here',
  ]);
});

it('looks at the major version of Node.js only, and only where both name one', () => {
  const host = (node?: string) => ({ ...FINGERPRINT, host: { ...FINGERPRINT.host, node } });
  expect(fingerprintDifferences(FINGERPRINT, host('v20.99.0'))).toEqual([]);
  expect(fingerprintDifferences(FINGERPRINT, host())).toEqual([]);
  expect(fingerprintDifferences(host(), FINGERPRINT)).toEqual([]);
});

it('is not fooled by names that every object has', () => {
  expect(
    fingerprintDifferences({ ...FINGERPRINT, device: { toString: 'x' } }, { ...FINGERPRINT, device: {} }),
  ).toEqual(['toString: x in the plan, none here']);
});
