/**
 * @file The compiled kernels: the wasm bytes that the build inlined, instantiated over the shared memory.
 */
import { createHash } from 'node:crypto';
import { KERNELS_BASE64 } from './kernels.generated.ts';
import type { Layout } from './layout.ts';

/** Bounds one sleep, so that a rank whose thread is told to stop leaves it. */
const NAP_MS = 100;

/** What kernels/wasm/index.ts exports. Numbers come as WebAssembly globals. */
export interface Kernels {
  run(first: number, count: number, times: number): number;
  sign(command: number): void;
  startAt(epoch: number): void;
  /** Number of a kernel by name, absent when this module has none of that name. */
  readonly numbers: ReadonlyMap<string, number>;
  /** The same of the kernels of models, which COMPUTE names. */
  readonly computeNumbers: ReadonlyMap<string, number>;
  /** Byte offset of a command's field. */
  field(name: string): number;
  readonly commandBytes: number;
}

function bytes(): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(Buffer.from(KERNELS_BASE64, 'base64'));
}

/** Identifies the kernels in a plan's fingerprint: a plan made with other kernels was made for other times. */
export function kernelsHash(): string {
  return createHash('sha256').update(KERNELS_BASE64).digest('hex').slice(0, 16);
}

/** Compiled once, by rank 0, and handed to the others: they then share the optimized code as well. */
export function compileKernels(): WebAssembly.Module {
  return new WebAssembly.Module(bytes());
}

export function instantiate(
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
  rank: number,
  worldSize: number,
  spins: number,
  layout: Layout,
): Kernels {
  const words = new Int32Array(memory.buffer);
  const { exports } = new WebAssembly.Instance(module, {
    env: {
      memory,
      sleep: (address: number, seen: number) => void Atomics.wait(words, address >>> 2, seen, NAP_MS),
      wake: (address: number) => void Atomics.notify(words, address >>> 2),
    },
  });
  const number = (name: string): number => (exports[name] as WebAssembly.Global).value;
  const numbered = (prefix: string): Map<string, number> =>
    new Map(
      Object.keys(exports)
        .filter((name) => name.startsWith(prefix))
        .map((name) => [name.slice(prefix.length), number(name)]),
    );
  (exports.configure as (...values: number[]) => void)(
    rank,
    worldSize,
    spins,
    layout.lines,
    layout.stages,
    layout.stageBytes,
    layout.privateStride,
    layout.rows,
    layout.rowsBytes,
    layout.partials,
    layout.partialBytes,
    layout.privateStride,
    layout.arena,
    layout.arenaStride,
  );
  return {
    run: exports.run as Kernels['run'],
    sign: exports.sign as Kernels['sign'],
    startAt: exports.startAt as Kernels['startAt'],
    numbers: numbered('KERNEL_'),
    computeNumbers: numbered('COMPUTE_'),
    field: (name) => number(`FIELD_${name}`),
    commandBytes: number('COMMAND_BYTES'),
  };
}
