/**
 * @file What the libraries are that the CUDA engine loads, what is missing, and what is known to go wrong with this NCCL.
 */
import type { Outcome } from '../engine/cuda/inspect/probe.ts';
import { hazards } from '../engine/cuda/nccl-hazards.ts';
import { versionText } from '../ffi/nccl-types.ts';
import type { Finding } from './finding.ts';
import type { Inspection } from './inspection.ts';

const section = 'libraries';

/** `gpus`: there are some, so that a missing library keeps the CUDA engine from running. */
export function libraryFindings(inspection: Inspection, gpus: boolean): Finding[] {
  const { devices, management, nvrtc, nvcc, nccl, cublasLt } = inspection;
  const findings: Finding[] = [];
  if (devices.ok) {
    const kernelDriver = management.ok ? `${management.value.driver}, ` : '';
    findings.push(found('driver', `${kernelDriver}CUDA ${cudaVersion(devices.value.driverVersion)}`, ''));
  } else findings.push(missing('driver', devices, !inspection.driverLoaded));
  if (gpus) {
    findings.push(
      management.ok
        ? found('NVML', `${management.value.driver} (${management.value.path})`, 'tells links and load')
        : missing('NVML', management, true),
    );
  }
  if (nvrtc.ok) {
    findings.push(found('NVRTC', `${nvrtc.value.version} (${nvrtc.value.path})`, 'compiles the kernels'));
  } else {
    const finding = missing('NVRTC', nvrtc, !gpus || nvcc !== undefined);
    const consequence = `nvcc ${nvcc?.version} (${nvcc?.path}) compiles the kernels instead, ten times as slowly; they are kept after that`;
    findings.push(nvcc === undefined ? finding : { ...finding, consequence });
  }
  findings.push(
    cublasLt.ok
      ? found(
          'cuBLASLt',
          `${cublasLt.value.version} (${cublasLt.value.path})`,
          "models' products of many tokens",
        )
      : missing('cuBLASLt', cublasLt, true),
  );
  if (!nccl.ok) return [...findings, missing('NCCL', nccl, true)];
  const version = versionText(nccl.value.version);
  findings.push(
    found('NCCL', `${version} (${nccl.value.path})`, 'peer of our kernels, and the way to other hosts'),
  );
  for (const { what, consequence, remedy } of hazards(nccl.value.version))
    findings.push({ section, what: `NCCL ${version}`, found: what, ok: true, consequence, remedy });
  return findings;
}

/** `13.0` of 13000. */
function cudaVersion(version: number): string {
  return `${Math.floor(version / 1000)}.${Math.floor((version % 1000) / 10)}`;
}

function found(what: string, text: string, consequence: string): Finding {
  return { section, what, found: text, ok: true, consequence, remedy: '' };
}

/** What a library costs that is not there is in the probe's own words: "..; without it, ..". */
function missing(what: string, outcome: Outcome<unknown> & { ok: false }, ok: boolean): Finding {
  if (outcome.how !== 'refused') {
    return {
      section,
      what,
      found: `${outcome.how}: ${outcome.reason}`,
      ok,
      consequence: 'a program that loads it would have ended like this',
      remedy: 'reinstall it, or name another one with $CROSSOVER_CUDA, _NVRTC, _NCCL or _NVML',
    };
  }
  const [text = '', cost = ''] = outcome.reason.split('; without it, ');
  const [consequence = '', ...remedy] = cost.split('; ');
  return { section, what, found: text, ok, consequence, remedy: remedy.join('; ') };
}
