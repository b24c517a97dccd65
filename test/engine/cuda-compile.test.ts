/** @file Which compiler is used for which device, and what it makes of the kernels. Compilers that are not here are skipped, with the reason. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { definesOf } from '../../dist/engine/cuda/catalog/kernel.js';
import { KERNELS } from '../../dist/engine/cuda/catalog.js';
import {
  architectureFor,
  type Compiler,
  chooseCompiler,
  nvccCompiler,
  nvrtcCompiler,
} from '../../dist/engine/cuda/compile.js';
import { CubinCache } from '../../dist/engine/cuda/cubin-cache.js';
import { Cubins } from '../../dist/engine/cuda/cubins.js';
import { CrossoverError } from '../../dist/errors.js';

const here: Compiler[] = [];
const reasons: string[] = [];
for (const create of [nvrtcCompiler, nvccCompiler]) {
  try {
    here.push(create());
  } catch (error) {
    if (!(error instanceof CrossoverError)) throw error;
    reasons.push(error.message);
  }
}
const values = { world: 4, dtype: 2, reduce: 0, quant: 0 };

function missing(reason: string): () => Compiler {
  return () => {
    throw new CrossoverError(reason);
  };
}

function pretended(name: 'NVRTC' | 'nvcc', architectures: number[]): () => Compiler {
  const compile = (): Uint8Array => new Uint8Array();
  return () => ({ name, version: '12.4', path: `/lib/${name}`, architectures, compile });
}

/** Little-endian ELF of 64 bits for CUDA (machine 190). */
function isCubin(bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return view.getUint32(0) === 0x7f454c46 && bytes[4] === 2 && view.getUint16(18, true) === 190;
}

describe('the architecture for a device', () => {
  const cuda13 = [75, 80, 86, 87, 88, 89, 90, 100, 103, 110, 120, 121];
  test.each([
    [80, 'sm_80'],
    [86, 'sm_86'],
    [89, 'sm_89'],
    [90, 'sm_90a'],
    [100, 'sm_100a'],
    [103, 'sm_103a'],
    [120, 'sm_120a'],
  ])('%i is %s when the compiler knows it', (capability, architecture) => {
    expect(architectureFor(capability, cuda13)).toBe(architecture);
  });

  test('is the closest older one of its generation when it is unknown, without what only that one has', () => {
    expect(architectureFor(89, [75, 80, 86])).toBe('sm_86');
    expect(architectureFor(103, [90, 100])).toBe('sm_100');
    expect(architectureFor(100, [80, 90])).toBeUndefined();
    expect(architectureFor(86, [89, 90])).toBeUndefined();
    expect(architectureFor(90, [])).toBeUndefined();
  });
});

describe('the compiler for a device', () => {
  test('is NVRTC, or nvcc where NVRTC is missing or too old', () => {
    const nvcc = pretended('nvcc', [90, 100]);
    const name = (capability: number, nvrtc: () => Compiler): string =>
      chooseCompiler(capability, [nvrtc, nvcc]).compiler.name;
    expect(name(90, pretended('NVRTC', [80, 90]))).toBe('NVRTC');
    expect(name(100, pretended('NVRTC', [80, 90]))).toBe('nvcc');
    expect(name(90, missing('NVRTC was not found'))).toBe('nvcc');
  });

  test('is refused with every reason, and what it costs', () => {
    expect(() => chooseCompiler(100, [pretended('NVRTC', [80, 90]), missing('nvcc was not found')])).toThrow(
      'kernels cannot be compiled for sm_100, so the CUDA engine cannot run here: NVRTC 12.4 (/lib/NVRTC) knows only sm_80, sm_90; nvcc was not found',
    );
  });

  test('does not hide faults of crossover itself', () => {
    const broken = (): Compiler => {
      throw new TypeError('broken');
    };
    expect(() => chooseCompiler(90, [broken, pretended('nvcc', [90])])).toThrow(TypeError);
  });
});

describe.each(here.map((compiler) => [compiler.name, compiler] as const))('%s', (_, compiler) => {
  const cubins = new Map<string, Uint8Array>();

  // All of them with NVRTC, which takes a tenth of a second each; check:kernels has nvcc compile them all.
  const some = Object.entries(KERNELS).filter(
    ([name]) => compiler.name === 'NVRTC' || /^(barrier|all_reduce_one_shot_push|rms_norm$)/.test(name),
  );
  test.each(some)('compiles %s', (name, kernel) => {
    const architecture = architectureFor(90, compiler.architectures)!;
    const defines = definesOf(kernel, values);
    // Kernels of one file that take the same macros are in the same cubin.
    const key = [kernel.source, ...defines].join(' ');
    const cubin = cubins.get(key) ?? compiler.compile(kernel.source, defines, architecture);
    cubins.set(key, cubin);
    expect(isCubin(cubin)).toBe(true);
    expect(Buffer.from(cubin).includes(`.text.${name}\0`)).toBe(true);
  });

  test('names the error, the file and the macros when it cannot', () => {
    expect(() => compiler.compile('barrier.cu', ['WORLD=nothing'], 'sm_90')).toThrow(
      /^\S+(?: \d+\.\d+)? cannot compile barrier\.cu \(.*-DWORLD=nothing\): .*error: identifier "nothing" is undefined/,
    );
  });

  test('refuses an architecture that it does not know', () => {
    expect(() => compiler.compile('barrier.cu', ['WORLD=4'], 'sm_13')).toThrow(CrossoverError);
  });
});

// koffi closes what nobody holds, and NVRTC opens its builtins by name only when it compiles.
test.skipIf(!here.some(({ name }) => name === 'NVRTC'))('NVRTC compiles after a garbage collection', () => {
  const program = fileURLToPath(new URL('./programs/nvrtc-after-gc.mjs', import.meta.url));
  const { stdout, stderr } = spawnSync(process.execPath, ['--expose-gc', program], { encoding: 'utf8' });
  expect(stderr + stdout).toBe('compiled\n');
});

test.skipIf(here.length > 0)(`skipped: no compiler here: ${reasons.join('; ')}`, () => {});

describe.skipIf(here.length === 0)('cubins', () => {
  const folder = mkdtempSync(join(tmpdir(), 'crossover-cubins-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const warnings: string[] = [];
  const open = (where: string): Cubins =>
    new Cubins(90, (line) => warnings.push(line), new CubinCache((line) => warnings.push(line), where));

  test('are compiled once, and read from the cache after that', () => {
    const compiled = open(join(folder, 'cubins')).get('barrier.cu', ['WORLD=4']);
    const cubins = open(join(folder, 'cubins'));
    const compile = cubins.target.compiler.compile;
    cubins.target.compiler.compile = () => {
      throw new Error('compiled again');
    };
    try {
      expect(cubins.get('barrier.cu', ['WORLD=4'])).toEqual(compiled);
      expect(() => cubins.get('barrier.cu', ['WORLD=2'])).toThrow('compiled again');
    } finally {
      cubins.target.compiler.compile = compile;
    }
    expect(warnings).toEqual([]);
  });

  test('are compiled anew where nothing can be kept', () => {
    const cubin = open('/dev/null/cubins').get('barrier.cu', ['WORLD=4']);
    expect(isCubin(cubin)).toBe(true);
    expect(warnings).toHaveLength(1);
  });
});
