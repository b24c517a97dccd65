/**
 * @file The cubins of one device: from the cache on disk, else compiled and put there.
 */
import { type CompileTarget, chooseCompiler } from './compile.ts';
import { CubinCache } from './cubin-cache.ts';
import { sourceHash } from './sources.ts';

export class Cubins {
  readonly target: CompileTarget;
  readonly #cache: CubinCache;

  /**
   * For devices of a compute capability, 10 x major + minor. `warn` is told when nothing can be kept on disk.
   * @throws CrossoverError when there is no compiler for it
   */
  constructor(capability: number, warn: (line: string) => void, cache: CubinCache = new CubinCache(warn)) {
    this.target = chooseCompiler(capability);
    this.#cache = cache;
  }

  /** The cubin of a source file under macro definitions (see `definesOf`). Not kept in memory: callers keep the loaded module. */
  get(file: string, defines: readonly string[]): Uint8Array {
    const { compiler, architecture } = this.target;
    const key = {
      sourceHash: sourceHash(file),
      defines,
      architecture,
      compiler: `${compiler.name} ${compiler.version}`,
    };
    const kept = this.#cache.read(key);
    if (kept) return kept;
    const cubin = compiler.compile(file, defines, architecture);
    this.#cache.write(key, cubin);
    return cubin;
  }
}
