/**
 * @file Opens shared libraries and binds their functions. src/ffi is the only place that knows of koffi.
 *
 * koffi runs C on stacks of its own, too small for NVRTC and NCCL, and the size must be set before anything is loaded, in each thread anew.
 */
import { createRequire } from 'node:module';
import type * as Koffi from 'koffi';
import { CrossoverError } from '../errors.ts';
import { candidates, LIBRARIES, type LibraryName, places } from './search.ts';

/** What a C parameter of type `void *` accepts. */
export type Pointer = bigint | number | ArrayBufferView | null;

export interface Library {
  /** What it was loaded by: a path, or a bare file name when the loader found it. */
  readonly path: string;
  /** Binds a C prototype such as 'int cuInit(uint32_t flags)'. @throws CrossoverError that names the symbol and the library's path */
  bind<F>(prototype: string): F;
  /** The same, undefined when the library has no such symbol. */
  find<F>(prototype: string): F | undefined;
}

export type { LibraryName } from './search.ts';

/** A C prototype that carries the TypeScript type of the function it binds, for tables of functions. */
export type Prototype<F> = string & { readonly bound: F };
export type Bound<T> = { readonly [K in keyof T]: T[K] extends Prototype<infer F> ? F : never };
export type Found<T> = { readonly [K in keyof T]: (T[K] extends Prototype<infer F> ? F : never) | undefined };

const SYNC_STACK_BYTES = 16 << 20;
const ASYNC_STACK_BYTES = 8 << 20;

let loaded: typeof Koffi | undefined;
const opened = new Map<LibraryName, Library>();

/** koffi itself, set up for this thread; for what src/ffi needs besides functions. Loaded on first use: it takes 30 ms. */
export function koffi(): typeof Koffi {
  if (loaded) return loaded;
  let module: typeof Koffi;
  try {
    module = createRequire(import.meta.url)('koffi') as typeof Koffi;
    module.config({ sync_stack_size: SYNC_STACK_BYTES, async_stack_size: ASYNC_STACK_BYTES });
  } catch (cause) {
    const reason = (cause as Error).message.split('\n', 1)[0];
    throw new CrossoverError(`koffi, which calls C libraries, cannot be used here: ${reason}`, { cause });
  }
  loaded = module;
  return module;
}

/**
 * Opens the first candidate that loads; the result is kept, one a thread. `global` makes its symbols visible to libraries that are opened later.
 * @throws CrossoverError: what is missing, every place looked at, what it costs
 */
export function openLibrary(what: LibraryName, options: { global?: boolean } = {}): Library {
  const known = opened.get(what);
  if (known) return known;
  const failures: string[] = [];
  for (const path of candidates(what)) {
    try {
      const library = openFile(path, options);
      opened.set(what, library);
      return library;
    } catch (error) {
      // That a bare name is not on the loader's path says nothing; that a file which is there cannot be loaded does.
      if (path.includes('/')) failures.push((error as Error).message);
    }
  }
  const { title, without } = LIBRARIES[what];
  const reasons = failures.length > 0 ? ` (${failures.join('; ')})` : '';
  throw new CrossoverError(
    `${title} was not found; looked for ${places(what)}${reasons}; without it, ${without}`,
  );
}

/** Opens one file. @throws CrossoverError with the path and the loader's reason */
export function openFile(path: string, options: { global?: boolean } = {}): Library {
  const { load } = koffi();
  let handle: Koffi.LibraryHandle;
  try {
    handle = load(path, { global: options.global ?? false });
    keepMapped(path);
  } catch (cause) {
    const reason = (cause as Error).message.replace('Failed to load shared library: ', '');
    throw new CrossoverError(`${path} cannot be loaded: ${reason}`, { cause });
  }
  const find = <F>(prototype: string): F | undefined => {
    const name = /(\w+)\s*\(/.exec(prototype)?.[1] ?? prototype;
    try {
      handle.symbol(name);
    } catch {
      return undefined;
    }
    return handle.func(prototype) as F;
  };
  return {
    path,
    find,
    bind: <F>(prototype: string): F => {
      const bound = find<F>(prototype);
      if (bound !== undefined) return bound;
      const name = /(\w+)\s*\(/.exec(prototype)?.[1] ?? prototype;
      throw new CrossoverError(`${path} has no ${name}: it is too old for crossover`);
    },
  };
}

/** Flags of Linux: look only, never unmap. */
const RTLD_LAZY = 1;
const RTLD_NOLOAD = 4;
const RTLD_NODELETE = 0x1000;

/**
 * koffi closes what a thread has opened when the thread ends, and threads that the library has started (NCCL's, the driver's) would then
 * run code that is gone: a crash of the process, or of the next group in it.
 */
function keepMapped(path: string): void {
  if (process.platform !== 'linux') return;
  const dlopen = koffi().load(null).func('void *dlopen(const char *path, int flags)');
  dlopen(path, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
}

/** Binds a table of prototypes. @throws as `Library.bind` does */
export function bindAll<T extends Readonly<Record<string, Prototype<unknown>>>>(
  library: Library,
  table: T,
): Bound<T> {
  return mapTable(table, (prototype) => library.bind(prototype)) as Bound<T>;
}

/** Binds a table of prototypes that older libraries lack: undefined where there is none. */
export function findAll<T extends Readonly<Record<string, Prototype<unknown>>>>(
  library: Library,
  table: T,
): Found<T> {
  return mapTable(table, (prototype) => library.find(prototype)) as Found<T>;
}

function mapTable(table: Readonly<Record<string, string>>, bind: (prototype: string) => unknown): unknown {
  return Object.fromEntries(Object.entries(table).map(([name, prototype]) => [name, bind(prototype)]));
}
