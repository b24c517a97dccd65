/**
 * @file nvcc as a child process. It needs a C++ compiler of the host, and ten times as long as NVRTC.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CrossoverError } from '../../errors.ts';
import { KERNELS_FOLDER, sourcePath } from './sources.ts';

/** No kernel takes a second; a compiler that hangs must not hold a rank for ever. */
const MOST_MS = 120_000;

/** Kernels of models include headers of the folder above them. */
export const INCLUDES: readonly string[] = ['-I', KERNELS_FOLDER];

export interface Nvcc {
  readonly path: string;
  /** `13.0.88` */
  readonly version: string;
  readonly architectures: readonly number[];
  /** Compiles a file of kernels/cuda/ to a cubin. Without a cubin, the log says what is wrong. */
  run(
    file: string,
    options: readonly string[],
  ): { readonly cubin: Uint8Array | undefined; readonly log: string };
}

let found: Nvcc | undefined;

/** The first nvcc that answers: on PATH, then of the toolkits. @throws CrossoverError when there is none */
export function nvcc(): Nvcc {
  found ??= look();
  return found;
}

function look(): Nvcc {
  for (const path of candidates()) {
    const version = /\bV(\d+\.\d+\.\d+)/.exec(ask(path, '--version') ?? '')?.[1];
    if (version === undefined) continue;
    const listed = ask(path, '--list-gpu-code') ?? '';
    const architectures = [...listed.matchAll(/^sm_(\d+)\s*$/gm)].map(([, number]) => Number(number));
    return {
      path,
      version,
      architectures: architectures.sort((a, b) => a - b),
      run: (file, options) => compile(path, file, options),
    };
  }
  throw new CrossoverError(`nvcc was not found; looked for ${candidates().join(', ')}`);
}

function candidates(): string[] {
  const { CUDA_HOME, CUDA_PATH } = process.env;
  const roots = [CUDA_HOME, CUDA_PATH, '/usr/local/cuda', ...versioned()].filter((root) => root);
  return ['nvcc', ...new Set(roots.map((root) => join(root!, 'bin', 'nvcc')))];
}

/** Toolkits that no link points to. */
function versioned(): string[] {
  try {
    return readdirSync('/usr/local')
      .filter((name) => name.startsWith('cuda-'))
      .map((name) => join('/usr/local', name));
  } catch {
    return [];
  }
}

function ask(path: string, option: string): string | undefined {
  const { status, stdout } = spawnSync(path, [option], {
    encoding: 'utf8',
    timeout: 10_000,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return status === 0 ? stdout : undefined;
}

function compile(path: string, file: string, options: readonly string[]): ReturnType<Nvcc['run']> {
  const folder = mkdtempSync(join(tmpdir(), 'crossover-nvcc-'));
  try {
    const output = join(folder, 'kernel.cubin');
    const { status, stdout, stderr, error } = spawnSync(
      path,
      ['-cubin', '-o', output, ...INCLUDES, ...options, sourcePath(file)],
      { encoding: 'utf8', timeout: MOST_MS, stdio: ['ignore', 'pipe', 'pipe'] },
    );
    const log = `${stdout ?? ''}${stderr ?? ''}${error?.message ?? ''}`;
    return { cubin: status === 0 ? new Uint8Array(readFileSync(output)) : undefined, log };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
