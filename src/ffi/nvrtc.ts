/**
 * @file NVRTC, the compiler in a library: CUDA C++ text to a cubin for one architecture. Needs no GPU.
 */
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CrossoverError } from '../errors.ts';
import { bindAll, type Library, openFile, openLibrary, type Pointer, type Prototype } from './library.ts';

type Program = bigint & { readonly handle: 'program' };
type Result = number;
type Getter = (program: Program, to: Pointer) => Result;
type F<A extends unknown[]> = Prototype<(...args: A) => Result>;

const FUNCTIONS = {
  version: 'int nvrtcVersion(void *major, void *minor)' as F<[major: Pointer, minor: Pointer]>,
  architectureCount: 'int nvrtcGetNumSupportedArchs(void *count)' as F<[count: Pointer]>,
  architectures: 'int nvrtcGetSupportedArchs(void *list)' as F<[list: Pointer]>,
  createProgram:
    'int nvrtcCreateProgram(void *program, const char *text, const char *name, int headers, const char **texts, const char **names)' as F<
      [
        program: Pointer,
        text: string,
        name: string,
        headers: number,
        texts: readonly string[],
        names: readonly string[],
      ]
    >,
  compileProgram: 'int nvrtcCompileProgram(void *program, int count, const char **options)' as F<
    [program: Program, count: number, options: readonly string[]]
  >,
  logSize: 'int nvrtcGetProgramLogSize(void *program, void *bytes)' as Prototype<Getter>,
  log: 'int nvrtcGetProgramLog(void *program, void *text)' as Prototype<Getter>,
  cubinSize: 'int nvrtcGetCUBINSize(void *program, void *bytes)' as Prototype<Getter>,
  cubin: 'int nvrtcGetCUBIN(void *program, void *cubin)' as Prototype<Getter>,
  destroyProgram: 'int nvrtcDestroyProgram(void *program)' as F<[program: Pointer]>,
  errorText: 'const char *nvrtcGetErrorString(int result)' as Prototype<(result: Result) => string>,
};

const SUCCESS = 0;
const COMPILATION_FAILED = 6;

/** Source text by name. */
export interface SourceFile {
  readonly name: string;
  readonly text: string;
}

export interface Compiled {
  readonly cubin: Uint8Array | undefined;
  readonly log: string;
}

export interface Nvrtc {
  /** What it was loaded by. */
  readonly path: string;
  /** `13.0` */
  readonly version: string;
  /** What it compiles for, as 10 x major + minor: 90 is sm_90. */
  readonly architectures: readonly number[];
  /** Compiles one file with in-memory headers. Without a cubin, the log says what is wrong with the text. */
  compile(file: SourceFile, headers: readonly SourceFile[], options: readonly string[]): Compiled;
}

let bound: Nvrtc | undefined;
/** Held for ever: koffi closes a library when its handle is collected, and NVRTC opens this one only at the first compilation. */
const builtins: Library[] = [];

/** NVRTC, bound once a thread. @throws CrossoverError when there is none */
export function nvrtc(): Nvrtc {
  bound ??= bindNvrtc(openLibrary('nvrtc'));
  return bound;
}

function bindNvrtc(library: Library): Nvrtc {
  openBuiltins(library.path);
  const functions = bindAll(library, FUNCTIONS);
  const check = (result: Result, what: string): void => {
    if (result === SUCCESS) return;
    throw new CrossoverError(`${what}: ${functions.errorText(result)} (${library.path})`);
  };
  const major = new Int32Array(1);
  const minor = new Int32Array(1);
  check(functions.version(major, minor), 'nvrtcVersion');
  const count = new Int32Array(1);
  check(functions.architectureCount(count), 'nvrtcGetNumSupportedArchs');
  const architectures = new Int32Array(count[0]!);
  check(functions.architectures(architectures), 'nvrtcGetSupportedArchs');

  const compile: Nvrtc['compile'] = (file, headers, options) => {
    const program = new BigUint64Array(1);
    const texts = headers.map(({ text }) => text);
    const names = headers.map(({ name }) => name);
    const created = functions.createProgram(program, file.text, file.name, headers.length, texts, names);
    check(created, `nvrtcCreateProgram of ${file.name}`);
    const handle = program[0] as Program;
    const bytes = new BigUint64Array(1);
    const read = (size: Getter, get: Getter, what: string): Uint8Array => {
      check(size(handle, bytes), `nvrtcGet${what}Size of ${file.name}`);
      const to = new Uint8Array(Number(bytes[0]));
      check(get(handle, to), `nvrtcGet${what} of ${file.name}`);
      return to;
    };
    try {
      const result = functions.compileProgram(handle, options.length, options);
      if (result !== COMPILATION_FAILED)
        check(result, `nvrtcCompileProgram of ${file.name} with ${options.join(' ')}`);
      const log = read(functions.logSize, functions.log, 'ProgramLog');
      return {
        cubin: result === SUCCESS ? read(functions.cubinSize, functions.cubin, 'CUBIN') : undefined,
        log: Buffer.from(log).toString('utf8').replaceAll('\0', ''),
      };
    } finally {
      functions.destroyProgram(program);
    }
  };
  return {
    path: library.path,
    version: `${major[0]}.${minor[0]}`,
    architectures: [...architectures].sort((a, b) => a - b),
    compile,
  };
}

/**
 * NVRTC opens its libnvrtc-builtins by bare name when it compiles. One that lies beside it, as in PyTorch's wheels, is not on the
 * loader's path, but is found when it is open already.
 */
function openBuiltins(path: string): void {
  if (!path.includes('/')) return;
  const folder = dirname(path);
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    return;
  }
  for (const name of names.filter((file) => /^libnvrtc-builtins\.so\.\d+\.\d+$/.test(file))) {
    builtins.push(openFile(join(folder, name), { global: true }));
  }
}
