/**
 * @file Kernels as functions that can be launched: compiled for this device and loaded when first needed, then found by a small number.
 */
import { CrossoverError } from '../../errors.ts';
import { type CUfunction, type CUmodule, check, handleFrom } from '../../ffi/cuda.ts';
import { OPERATIONS } from '../../operations.ts';
import type { Launch } from '../engine.ts';
import { definesOf, type Kernel } from './catalog/kernel.ts';
import { KERNELS } from './catalog.ts';
import { Cubins } from './cubins.ts';
import type { Device } from './device.ts';
import type { Parts } from './launch-record.ts';

/** What the engine knows of a kernel by its name. */
export interface KernelInfo {
  readonly name: string;
  /** Tells kernels apart in keys and in what ranks compare. */
  readonly index: number;
  readonly kernel: Kernel;
  /** Whether it waits for peers. */
  readonly collective: boolean;
  /** Whether it works on [tokens, hidden]. */
  readonly rows: boolean;
  readonly parts: Parts;
}

/** One specialisation on this device. */
export interface LoadedKernel {
  readonly handle: CUfunction;
  /** Dynamic shared memory it may have so far. */
  sharedBytes: number;
}

/** Kernels that meet peers, by the beginning of their names. */
export const COLLECTIVE: RegExp = /^(all_reduce|all_gather|reduce_scatter|broadcast|barrier)/;

/** What every function may have without asking. */
const FREE_SHARED_BYTES = 48 * 1024;
const MAX_DYNAMIC_SHARED_SIZE = 8;

export const INFOS: ReadonlyMap<string, KernelInfo> = new Map(
  Object.entries(KERNELS).map(([name, kernel], index) => [name, infoOf(name, kernel, index)]),
);

/** NCCL's kernels, whatever this host has. */
const OUTSIDE = OPERATIONS.flatMap((operation) => [`nccl_${operation}`, `nccl_symmetric_${operation}`]);

/** All names, by what tells kernels apart when ranks compare their calls: the index of ours, then NCCL's. */
export const NAMES: readonly string[] = [...INFOS.keys(), ...OUTSIDE];
export const NCCL_NAMES: ReadonlyMap<string, number> = new Map(
  OUTSIDE.map((name, i) => [name, INFOS.size + i]),
);

function infoOf(name: string, kernel: Kernel, index: number): KernelInfo {
  const parts = name.startsWith('all_gather') ? 'each' : name.startsWith('reduce_scatter') ? 'split' : 'none';
  return {
    name,
    index,
    kernel,
    collective: COLLECTIVE.test(name),
    rows: /rms_norm|^quantize/.test(name),
    parts,
  };
}

export class Functions {
  readonly #device: Device;
  readonly #world: number;
  readonly #cubins: Cubins | undefined;
  /** Why nothing can be compiled here. */
  readonly refused: string | undefined;
  readonly #loaded: (LoadedKernel | undefined)[] = [];
  /** By source and macros: keys that differ in what a kernel does not depend on share one. */
  readonly #modules = new Map<string, CUmodule>();
  readonly #functions = new Map<string, LoadedKernel>();

  constructor(device: Device, world: number, warn: (line: string) => void) {
    this.#device = device;
    this.#world = world;
    try {
      this.#cubins = new Cubins(device.capability, warn);
    } catch (error) {
      if (!(error instanceof CrossoverError)) throw error;
      this.refused = error.message;
    }
  }

  /** Name and version of the compiler. */
  get compiler(): string {
    const compiler = this.#cubins?.target.compiler;
    return compiler ? `${compiler.name} ${compiler.version}` : 'none';
  }

  /** The function for a launch when it is loaded. Allocates nothing. */
  find(info: KernelInfo, launch: Launch): LoadedKernel | undefined {
    return this.#loaded[keyOf(info, launch)];
  }

  /** Compiles and loads it; nothing that waits for a peer may be under way on this device, since loading may wait for it. */
  load(info: KernelInfo, launch: Launch): LoadedKernel {
    const { kernel, name } = info;
    const defines = definesOf(kernel, {
      world: this.#world,
      dtype: launch.dtype,
      reduce: launch.reduceOp,
      quant: launch.quantization,
    });
    const loaded = this.#get(name, kernel.source, defines);
    this.#loaded[keyOf(info, launch)] = loaded;
    return loaded;
  }

  /** A function of a model's kernels when it is loaded. */
  findModel(name: string, source: string, defines: readonly string[]): LoadedKernel | undefined {
    return this.#functions.get(fullName(name, source, defines));
  }

  /** Compiles and loads it, as `load` does. */
  loadModel(name: string, source: string, defines: readonly string[]): LoadedKernel {
    return this.#get(name, source, defines);
  }

  /** Lets a function have more dynamic shared memory than all have. */
  raiseShared(loaded: LoadedKernel, bytes: number): void {
    const { cuda } = this.#device;
    check(
      cuda.functionSetAttribute(loaded.handle, MAX_DYNAMIC_SHARED_SIZE, bytes),
      `${bytes} bytes of shared memory on ${this.#device.name}`,
    );
    loaded.sharedBytes = bytes;
  }

  close(): void {
    for (const module of this.#modules.values()) this.#device.cuda.moduleUnload(module);
    this.#modules.clear();
  }

  #get(name: string, source: string, defines: readonly string[]): LoadedKernel {
    const full = fullName(name, source, defines);
    const known = this.#functions.get(full);
    if (known) return known;
    const handle = this.#function(name, this.#module(source, defines));
    const loaded = { handle, sharedBytes: FREE_SHARED_BYTES };
    this.#functions.set(full, loaded);
    return loaded;
  }

  #module(source: string, defines: readonly string[]): CUmodule {
    const key = fullName('', source, defines);
    const known = this.#modules.get(key);
    if (known !== undefined) return known;
    if (!this.#cubins) throw new CrossoverError(this.refused!);
    const { cuda } = this.#device;
    const cubin = this.#cubins.get(source, defines);
    const module = handleFrom<CUmodule>(
      (out) => cuda.moduleLoadData(out, cubin),
      `cuModuleLoadData of${key}`,
    );
    this.#modules.set(key, module);
    return module;
  }

  #function(name: string, module: CUmodule): CUfunction {
    const { cuda } = this.#device;
    const handle = handleFrom<CUfunction>(
      (out) => cuda.moduleGetFunction(out, module, name),
      `cuModuleGetFunction of ${name}`,
    );
    // Drivers load functions when they are first launched, unless they are told to do it now.
    if (cuda.functionLoad) check(cuda.functionLoad(handle), `cuFuncLoad of ${name}`);
    return handle;
  }
}

function fullName(name: string, source: string, defines: readonly string[]): string {
  return defines.length === 0 ? `${name} ${source}` : `${name} ${source} ${defines.join(' ')}`;
}

/** Distinct for all that kernels are specialised by; there are at most 8 dtypes, 4 reductions and 8 quantizations. */
function keyOf(info: KernelInfo, launch: Launch): number {
  return ((info.index * 8 + launch.dtype) * 4 + launch.reduceOp) * 8 + launch.quantization;
}
