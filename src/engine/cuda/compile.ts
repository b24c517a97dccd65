/**
 * @file Kernels from source to a cubin for one architecture: by NVRTC, and where that is missing, or does not know the device, by nvcc.
 * A cubin is what the device runs; the driver compiles nothing, so its version does not matter.
 */

import { CrossoverError } from '../../errors.ts';
import { nvrtc } from '../../ffi/nvrtc.ts';
import { nvcc } from './nvcc.ts';
import { headersOf, sourceText } from './sources.ts';

export interface Compiler {
  readonly name: 'NVRTC' | 'nvcc';
  /** As far as it changes what comes out. */
  readonly version: string;
  readonly path: string;
  /** What it compiles for, as 10 x major + minor: 90 is sm_90. */
  readonly architectures: readonly number[];
  /** @throws CrossoverError with the first lines of the compiler's log */
  compile(file: string, defines: readonly string[], architecture: string): Uint8Array;
}

/** A compiler, and what it has to compile for. */
export interface CompileTarget {
  readonly compiler: Compiler;
  /** `sm_90a` */
  readonly architecture: string;
}

const LANGUAGE = '-std=c++17';

/** NVRTC in the terms of this file. @throws CrossoverError when there is none */
export function nvrtcCompiler(): Compiler {
  const { path, version, architectures, compile } = nvrtc();
  const named = (name: string): { name: string; text: string } => ({ name, text: sourceText(name) });
  return {
    name: 'NVRTC',
    version,
    path,
    architectures,
    compile(file, defines, architecture) {
      const options = [
        `--gpu-architecture=${architecture}`,
        LANGUAGE,
        ...defines.map((define) => `-D${define}`),
      ];
      const { cubin, log } = compile(named(file), headersOf(file).map(named), options);
      if (cubin) return cubin;
      throw new CrossoverError(
        `NVRTC ${version} cannot compile ${file} (${options.join(' ')}): ${firstLines(log)}`,
      );
    },
  };
}

/** nvcc in the terms of this file. @throws CrossoverError when there is none */
export function nvccCompiler(): Compiler {
  const { path, version, architectures, run } = nvcc();
  return {
    name: 'nvcc',
    version,
    path,
    architectures,
    compile(file, defines, architecture) {
      const options = [`-arch=${architecture}`, LANGUAGE, ...defines.map((define) => `-D${define}`)];
      const { cubin, log } = run(file, options);
      if (cubin) return cubin;
      throw new CrossoverError(`${path} cannot compile ${file} (${options.join(' ')}): ${firstLines(log)}`);
    },
  };
}

/**
 * The compiler to use for devices of a compute capability (10 x major + minor).
 * @throws CrossoverError: why none of them will do, and what it costs
 */
export function chooseCompiler(
  capability: number,
  compilers: readonly (() => Compiler)[] = [nvrtcCompiler, nvccCompiler],
): CompileTarget {
  const reasons: string[] = [];
  for (const create of compilers) {
    try {
      const compiler = create();
      const architecture = architectureFor(capability, compiler.architectures);
      if (architecture) return { compiler, architecture };
      const known = compiler.architectures.map((number) => `sm_${number}`).join(', ');
      reasons.push(`${compiler.name} ${compiler.version} (${compiler.path}) knows only ${known}`);
    } catch (error) {
      if (!(error instanceof CrossoverError)) throw error;
      reasons.push(error.message);
    }
  }
  throw new CrossoverError(
    `kernels cannot be compiled for sm_${capability}, so the CUDA engine cannot run here: ${reasons.join('; ')}`,
  );
}

/**
 * The architecture to compile for: the device's own, with its own instructions (suffix a, from sm_90 on), if the compiler knows it; else the
 * closest of the same generation, whose cubins run on it.
 */
export function architectureFor(capability: number, known: readonly number[]): string | undefined {
  if (known.includes(capability)) return `sm_${capability}${capability >= 90 ? 'a' : ''}`;
  const older = known.filter(
    (number) => number < capability && Math.floor(number / 10) === Math.floor(capability / 10),
  );
  return older.length === 0 ? undefined : `sm_${Math.max(...older)}`;
}

/** A compiler's log on one line: its first errors, or its first lines when none is called so. */
function firstLines(log: string): string {
  const lines = log
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const errors = lines.filter((line) => /\berror\b/.test(line));
  return (errors.length > 0 ? errors : lines).slice(0, 3).join(' | ');
}
