/**
 * @file What identifies the GPUs, their software and the kernels in plans: what was measured with other ones holds no longer.
 */
import { readFileSync } from 'node:fs';
import { CrossoverError } from '../../errors.ts';
import { driver, intFrom } from '../../ffi/cuda.ts';
import { nccl } from '../../ffi/nccl.ts';
import { versionText } from '../../ffi/nccl-types.ts';
import { hostFingerprint } from '../../plan/fingerprint.ts';
import type { Fingerprint } from '../../plan/plan.ts';
import { chooseCompiler } from './compile.ts';
import { ATTRIBUTE, deviceCount, deviceName, deviceOf, driverVersion, linksOf } from './device.ts';
import { ranksPerGpu } from './sharing.ts';
import { kernelsHash } from './sources.ts';

/** Of this host; needs no ranks, and no context on a GPU. @throws CrossoverError when there is no driver or no GPU */
export function cudaFingerprint(): Fingerprint {
  const cuda = driver();
  const count = deviceCount();
  if (count === 0)
    throw new CrossoverError('the driver shows no GPU to this process (CUDA_VISIBLE_DEVICES?)');
  const handle = deviceOf(0);
  const attribute = (number: number): number =>
    intFrom((out) => cuda.deviceAttribute(out, number, handle), 'cuDeviceGetAttribute');
  const capability = 10 * attribute(ATTRIBUTE.major) + attribute(ATTRIBUTE.minor);
  const device = {
    name: deviceName(cuda, handle),
    sm: `sm_${capability}`,
    gpus: String(count),
    ...(ranksPerGpu() > 1 ? { ranksPerGpu: String(ranksPerGpu()) } : {}),
    links: linksOf(count).kind,
    cuda: driverVersion(),
    ...optional('driver', () => readFileSync('/sys/module/nvidia/version', 'utf8').trim()),
    ...optional('compiler', () => {
      const { compiler } = chooseCompiler(capability);
      return `${compiler.name} ${compiler.version}`;
    }),
    ...optional('nccl', () => versionText(nccl().version)),
  };
  return hostFingerprint('cuda', device, kernelsHash());
}

/** A field, where it can be told. */
function optional(name: string, tell: () => string): Record<string, string> {
  try {
    return { [name]: tell() };
  } catch {
    return {};
  }
}
