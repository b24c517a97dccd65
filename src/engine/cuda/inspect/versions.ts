/**
 * @file Probes that load a library and ask what it is.
 */

import { CrossoverError } from '../../../errors.ts';
import { cublasLt } from '../../../ffi/cublaslt.ts';
import { nccl } from '../../../ffi/nccl.ts';
import { nvrtc } from '../../../ffi/nvrtc.ts';

export interface NvrtcFacts {
  readonly path: string;
  /** `13.0` */
  readonly version: string;
  /** What it compiles for, as 10 x major + minor. */
  readonly architectures: readonly number[];
}

export interface NcclFacts {
  readonly path: string;
  /** As NCCL numbers itself: 22809 for 2.28.9. */
  readonly version: number;
}

/** Compiles an empty kernel: that NVRTC lacks its builtins library shows only then. @throws CrossoverError */
export function nvrtcVersion(): NvrtcFacts {
  const { path, version, architectures, compile } = nvrtc();
  const newest = architectures.at(-1);
  const { cubin, log } = compile(
    { name: 'empty.cu', text: 'extern "C" __global__ void empty() {}' },
    [],
    [`--gpu-architecture=sm_${newest}`],
  );
  if (cubin === undefined)
    throw new CrossoverError(`NVRTC ${version} (${path}) cannot compile: ${log.trim().split('\n')[0]}`);
  return { path, version, architectures };
}

/** @throws CrossoverError when there is none */
export function ncclVersion(): NcclFacts {
  const { path, version } = nccl();
  return { path, version };
}

export interface CublasLtFacts {
  readonly path: string;
  /** `13.1.1`. */
  readonly version: string;
}

export function cublasLtVersion(): CublasLtFacts {
  const { path, version } = cublasLt();
  const number = Number(version());
  return {
    path,
    version: `${Math.floor(number / 10_000)}.${Math.floor((number % 10_000) / 100)}.${number % 100}`,
  };
}
