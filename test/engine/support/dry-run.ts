/**
 * @file A GPU that is not there: launches of models' kernels are looked at and not run. Every address that they are given has to lie in memory that was allocated.
 */
import type { Communicator } from '../../../dist/collective/communicator.js';
import { COMPUTE_TABLE, MODEL_SOURCES } from '../../../dist/engine/cuda/compute/table.js';
import type { ComputeTarget, ModelLaunch } from '../../../dist/engine/cuda/compute/target.js';
import { validateCompute } from '../../../dist/engine/validate-compute.js';
import { CrossoverError } from '../../../dist/errors.js';

/** What differs between GPUs. */
export interface Gpu {
  readonly name: string;
  readonly capability: number;
  readonly multiprocessors: number;
  /** Dynamic shared memory of a block, at most; bytes. */
  readonly sharedBytes: number;
}

const KIB = 1 << 10;

export const GPUS: readonly Gpu[] = [
  { name: 'A100', capability: 80, multiprocessors: 108, sharedBytes: 163 * KIB },
  { name: 'H200', capability: 90, multiprocessors: 132, sharedBytes: 227 * KIB },
  { name: 'B200', capability: 100, multiprocessors: 148, sharedBytes: 227 * KIB },
  { name: 'RTX 5090', capability: 120, multiprocessors: 170, sharedBytes: 99 * KIB },
];

/** Far up, as on GPUs: addresses are no 32-bit numbers. */
const FIRST_ADDRESS = 0x7f00_0000_0000;
const APART = 1 << 20;

export class DryRun {
  #gpu: Gpu = GPUS[0]!;
  /** What the engine keeps; as long as the GPU is the same. */
  readonly #kept = new Map<unknown, unknown>();
  readonly #blocks: { readonly begin: number; readonly end: number }[] = [];
  #next = FIRST_ADDRESS;
  launches = 0;
  /** Of all launches. */
  readonly kernels = new Set<string>();
  readonly problems = new Set<string>();

  /** From now on it is this one. */
  become(gpu: Gpu): void {
    this.#gpu = gpu;
    this.#kept.clear();
  }

  /** As one rank of so many has it; ranks do not meet. */
  communicator(worldSize: number, rank: number): Communicator {
    const target = this.#target();
    const allocate = (bytes: number): number => this.#allocate(bytes);
    const looked = (...all: ({ address: number; bytes: number } | undefined)[]): void => {
      for (const tensor of all) if (tensor) this.#inside('a norm', tensor.address, tensor.bytes);
    };
    type Kernel = keyof typeof COMPUTE_TABLE;
    const of = (kernel: string) =>
      COMPUTE_TABLE[kernel as Kernel] as never as {
        run(operands: object, target: ComputeTarget): void;
        scratchBytes?(operands: object, target: ComputeTarget): number;
      };
    const engine = {
      name: 'cuda',
      maxHidden: 1 << 15,
      allocate,
      write: (address: number, bytes: Uint8Array) => this.#inside('a write', address, bytes.length),
      read: (address: number, bytes: number) => {
        this.#inside('a read', address, bytes);
        return new Uint8Array(bytes);
      },
      scratchBytes: (kernel: string, operands: object) => {
        validateCompute(kernel as Kernel, operands as never, 'shape');
        return of(kernel).scratchBytes?.(operands, target) ?? 0;
      },
      compute: (kernel: string, operands: object) => {
        validateCompute(kernel as Kernel, operands as never);
        of(kernel).run(operands, target);
      },
    };
    const norm = (operands: object): void =>
      looked(
        ...(Object.values(operands) as { address: number; bytes: number }[]).filter(
          (one) => typeof one === 'object',
        ),
      );
    return {
      worldSize,
      rank,
      engine,
      heap: { allocate, holds: () => true },
      synchronize: () => {},
      rmsNorm: norm,
      quantize: norm,
      add: looked,
    } as unknown as Communicator;
  }

  #target(): ComputeTarget {
    const gpu = (): Gpu => this.#gpu;
    const target: ComputeTarget = {
      device: {} as never,
      get multiprocessors() {
        return gpu().multiprocessors;
      },
      get capability() {
        return gpu().capability;
      },
      capturing: false,
      launch: (launch) => this.#look(launch),
      count: () => {},
      wait: () => {},
      // cuBLASLt is not looked for: all products are those of own kernels.
      loading: () => {
        throw new CrossoverError('a dry run loads nothing');
      },
      warn: () => {},
      once: (make) => {
        if (!this.#kept.has(make)) this.#kept.set(make, make(target));
        return this.#kept.get(make) as never;
      },
    };
    return target;
  }

  #allocate(bytes: number): number {
    const begin = this.#next;
    this.#blocks.push({ begin, end: begin + bytes });
    this.#next += Math.ceil(bytes / APART) * APART + APART;
    return begin;
  }

  #inside(what: string, address: number, bytes: number): void {
    if (address === 0 && bytes === 1) return;
    const block = this.#blocks.find(({ begin, end }) => begin <= address && address < end);
    if (!block || address + bytes > block.end)
      this.problems.add(`${what} of ${bytes} bytes at ${address} is not inside what was allocated`);
  }

  #look(launch: ModelLaunch): void {
    this.launches++;
    this.kernels.add(launch.kernel);
    const { source, kernel, defines = [], grid, block, sharedBytes = 0, cluster = 1, params } = launch;
    const [x, y = 1, z = 1] = grid;
    const wrong = (what: string): void =>
      void this.problems.add(`${this.#gpu.name}: ${kernel} (${defines.join(' ')}): ${what}`);
    const isCount = (value: number, most: number): boolean =>
      Number.isInteger(value) && value >= 1 && value <= most;
    if (!isCount(x, 2 ** 31 - 1) || !isCount(y, 65_535) || !isCount(z, 65_535))
      wrong(`a grid of ${grid.join(' x ')}`);
    if (!isCount(block, 1024) || block % 32 !== 0) wrong(`${block} threads`);
    if (!(sharedBytes >= 0 && sharedBytes <= this.#gpu.sharedBytes))
      wrong(`${sharedBytes} bytes of shared memory`);
    if (!isCount(cluster, 8) || x % cluster !== 0) wrong(`clusters of ${cluster} in a grid of ${x}`);
    if (cluster > 1 && this.#gpu.capability < 90) wrong(`clusters on ${this.#gpu.name}`);
    const checked = MODEL_SOURCES[source]?.map((list) => list.join(' ')) ?? [];
    if (!checked.includes(defines.join(' '))) wrong(`${source} is not compiled so by check-kernels`);
    for (const address of params.addresses) this.#inside(kernel, address, 1);
    for (const value of params.integers ?? [])
      if (!Number.isInteger(value) || value < 0 || value >= 2 ** 32) wrong(`an integer is ${value}`);
    for (const value of params.floats ?? []) if (!Number.isFinite(value)) wrong(`a float is ${value}`);
  }
}
