/**
 * @file Where the libraries of the CUDA engine are looked for: where an environment variable says, where the loader looks, in the
 * toolkit, and in PyTorch's wheels, which bring NVRTC, NCCL and cuBLASLt of their own.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

export type LibraryName = 'cuda' | 'nvrtc' | 'nccl' | 'cublaslt' | 'nvml' | 'c';

interface Known {
  /** What people call it. */
  readonly title: string;
  /** File names, the preferred one first. */
  readonly files: readonly string[];
  /** Environment variable that names a file to use instead of looking. */
  readonly variable?: string;
  /** Whether toolkits and wheels have it; the driver's libraries come with the driver only. */
  readonly packaged: boolean;
  /** What does not work without it, and what to do. */
  readonly without: string;
}

export const LIBRARIES: Readonly<Record<LibraryName, Known>> = {
  cuda: {
    title: "NVIDIA's driver",
    files: ['libcuda.so.1'],
    variable: 'CROSSOVER_CUDA',
    packaged: false,
    without: 'no GPU can be used; install the driver, or go on with the CPU engine (--device cpu)',
  },
  nvrtc: {
    title: 'NVRTC',
    files: ['libnvrtc.so.13', 'libnvrtc.so.12', 'libnvrtc.so.11.2', 'libnvrtc.so'],
    variable: 'CROSSOVER_NVRTC',
    packaged: true,
    without: 'kernels cannot be compiled; install the CUDA toolkit or set CROSSOVER_NVRTC to the file',
  },
  nccl: {
    title: 'NCCL',
    files: ['libnccl.so.2', 'libnccl.so'],
    variable: 'CROSSOVER_NCCL',
    packaged: true,
    without:
      "NCCL's algorithms and several hosts are left out; install NCCL or set CROSSOVER_NCCL to the file",
  },
  cublaslt: {
    title: 'cuBLASLt',
    files: ['libcublasLt.so.13', 'libcublasLt.so.12', 'libcublasLt.so'],
    variable: 'CROSSOVER_CUBLASLT',
    packaged: true,
    without:
      "matrix products of many tokens take crossover's own kernels, which are slower; install the CUDA toolkit or set CROSSOVER_CUBLASLT to the file",
  },
  nvml: {
    title: 'NVML',
    files: ['libnvidia-ml.so.1'],
    variable: 'CROSSOVER_NVML',
    packaged: false,
    without: 'links between GPUs cannot be told; install the driver or set CROSSOVER_NVML to the file',
  },
  c: {
    title: 'the C library',
    files: ['libc.so.6', 'libc.musl-x86_64.so.1', 'libc.musl-aarch64.so.1'],
    packaged: false,
    without: 'memory cannot be shared between processes',
  },
};

/** Files to try in order. Lazy: Python is asked only when nothing before its answer could be loaded. */
export function* candidates(what: LibraryName): Generator<string, void, undefined> {
  const { files, variable, packaged } = LIBRARIES[what];
  const named = variable && process.env[variable];
  if (named) {
    yield named;
    return;
  }
  yield* files;
  if (!packaged) return;
  for (const folder of folders()) {
    for (const file of files) {
      const path = join(folder, file);
      if (existsSync(path)) yield path;
    }
  }
}

/** Where `candidates` looks, in words. */
export function places(what: LibraryName): string {
  const { files, variable, packaged } = LIBRARIES[what];
  const named = variable && process.env[variable];
  if (named) return `${named} ($${variable})`;
  return [`${files.join(', ')} on the loader's path (LD_LIBRARY_PATH)`, ...(packaged ? folders() : [])].join(
    ', ',
  );
}

/** Folders that can have the packaged libraries. */
function* folders(): Generator<string, void, undefined> {
  yield* toolkits();
  const seen = new Set<string>();
  for (const site of sitePackages()) {
    if (seen.has(site)) continue;
    seen.add(site);
    yield* list(join(site, 'nvidia'), /./)
      .map((wheel) => join(wheel, 'lib'))
      .filter(existsSync);
  }
}

function toolkits(): string[] {
  const { CUDA_HOME, CUDA_PATH } = process.env;
  const found = list('/usr/local', /^cuda/);
  const roots = [CUDA_HOME, CUDA_PATH, ...found].filter(
    (root) => root !== undefined && root !== '',
  ) as string[];
  return [...new Set(roots)].map((root) => join(root, 'lib64')).filter(existsSync);
}

function* sitePackages(): Generator<string, void, undefined> {
  for (const root of [process.env.VIRTUAL_ENV, process.env.CONDA_PREFIX]) {
    if (root) for (const python of list(join(root, 'lib'), /^python3/)) yield join(python, 'site-packages');
  }
  const asked = spawnSync('python3', ['-c', 'import sys; print("\\n".join(sys.path))'], {
    encoding: 'utf8',
    timeout: 10_000,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  if (asked.status === 0) yield* asked.stdout.split('\n').filter((path) => path.startsWith('/'));
}

/** Entries of a folder by name, the newest version first; none where there is no such folder. */
function list(folder: string, pattern: RegExp): string[] {
  try {
    const names = readdirSync(folder).filter((name) => pattern.test(name));
    return names
      .sort((a, b) => b.localeCompare(a, 'en', { numeric: true }))
      .map((name) => join(folder, name));
  } catch {
    return [];
  }
}
