/**
 * @file A GPU opened for checks and measurements: its primary context, two streams, kernels by name. Lives in the process of a probe, whose
 * end frees everything, so nothing is given back here.
 */

import { CrossoverError } from '../../../errors.ts';
import {
  type CUcontext,
  CUDA_ERROR_NOT_READY,
  CUDA_SUCCESS,
  type CUdevice,
  type CUevent,
  type CUfunction,
  type CUmodule,
  type CUstream,
  check,
  driver,
  handleFrom,
  intFrom,
} from '../../../ffi/cuda.ts';
import { allocate } from '../../../ffi/memory.ts';
import { Cubins } from '../cubins.ts';
import { type Field, writeStruct } from './arguments.ts';

export interface Shape {
  readonly blocks: number;
  readonly threads: number;
}

const CAPABILITY_MAJOR = 75;
const CAPABILITY_MINOR = 76;
const NON_BLOCKING = 1;
/** Where in the block that launches share the CUlaunchConfig, the parameter pointer and the argument struct lie. */
const PARAMETERS = 64;
const ARGUMENTS = 128;
const LAUNCH_BYTES = 512;

const cubins = new Map<number, Cubins>();

export class Gpu {
  readonly ordinal: number;
  readonly context: CUcontext;
  readonly streams: readonly [CUstream, CUstream];
  readonly #capability: number;
  readonly #modules = new Map<string, CUmodule>();
  readonly #functions = new Map<string, CUfunction>();
  readonly #launch = allocate(LAUNCH_BYTES);

  constructor(ordinal: number) {
    const cuda = driver();
    this.ordinal = ordinal;
    const device = intFrom((out) => cuda.deviceGet(out, ordinal), 'cuDeviceGet') as CUdevice;
    const attribute = (id: number): number =>
      intFrom((out) => cuda.deviceAttribute(out, id, device), 'cuDeviceGetAttribute');
    this.#capability = 10 * attribute(CAPABILITY_MAJOR) + attribute(CAPABILITY_MINOR);
    this.context = handleFrom((out) => cuda.primaryContextRetain(out, device), `a context on GPU ${ordinal}`);
    this.use();
    const stream = (): CUstream =>
      handleFrom((out) => cuda.streamCreate(out, NON_BLOCKING), `a stream on GPU ${ordinal}`);
    this.streams = [stream(), stream()];
  }

  /** Makes its context the thread's: most calls of the driver are about the current one. */
  use(): void {
    check(driver().contextSetCurrent(this.context), `the context of GPU ${this.ordinal}`);
  }

  event(): CUevent {
    this.use();
    return handleFrom((out) => driver().eventCreate(out, 0), `an event on GPU ${this.ordinal}`);
  }

  /** Enqueues a kernel of a file in kernels/cuda/ with one struct as its argument. */
  launch(file: string, name: string, { blocks, threads }: Shape, fields: readonly Field[], stream = 0): void {
    const fn = this.#function(file, name);
    const { address, bytes } = this.#launch;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    bytes.fill(0);
    for (const [i, value] of [blocks, 1, 1, threads, 1, 1].entries()) view.setUint32(4 * i, value, true);
    view.setBigUint64(32, this.streams[stream]!, true);
    view.setBigUint64(PARAMETERS, address + BigInt(ARGUMENTS), true);
    writeStruct(new DataView(bytes.buffer, bytes.byteOffset + ARGUMENTS), fields);
    this.use();
    const parameters = address + BigInt(PARAMETERS);
    check(driver().launchKernelEx(address, fn, parameters, null), `${name} on GPU ${this.ordinal}`);
  }

  /** Loads kernels before anything is timed or spins: a first load may wait for all the device's work. */
  prepare(file: string, names: readonly string[]): void {
    for (const name of names) this.#function(file, name);
  }

  #function(file: string, name: string): CUfunction {
    const known = this.#functions.get(name);
    if (known !== undefined) return known;
    const cuda = driver();
    this.use();
    let module = this.#modules.get(file);
    if (module === undefined) {
      if (!cubins.has(this.#capability)) cubins.set(this.#capability, new Cubins(this.#capability, () => {}));
      const cubin = cubins.get(this.#capability)!.get(file, []);
      module = handleFrom<CUmodule>(
        (out) => cuda.moduleLoadData(out, cubin),
        `${file} on GPU ${this.ordinal}`,
      );
      this.#modules.set(file, module);
    }
    const inModule = module;
    const fn = handleFrom<CUfunction>(
      (out) => cuda.moduleGetFunction(out, inModule, name),
      `${name} of ${file}`,
    );
    if (cuda.functionLoad !== undefined) check(cuda.functionLoad(fn), `${name} of ${file}`);
    this.#functions.set(name, fn);
    return fn;
  }
}

/** Polls until both streams of all these GPUs are empty: a call that blocks could not be given up. @throws CrossoverError after `timeoutMs` */
export function waitFor(gpus: readonly Gpu[], what: string, timeoutMs = 5000): void {
  const cuda = driver();
  const end = performance.now() + timeoutMs;
  for (const gpu of gpus) {
    gpu.use();
    for (const stream of gpu.streams) {
      for (;;) {
        const result = cuda.streamQuery(stream);
        if (result === CUDA_SUCCESS) break;
        if (result !== CUDA_ERROR_NOT_READY) check(result, `${what}, on GPU ${gpu.ordinal}`);
        if (performance.now() > end)
          throw new CrossoverError(`${what}: GPU ${gpu.ordinal} was not done after ${timeoutMs / 1000} s`);
      }
    }
  }
}
