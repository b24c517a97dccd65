/**
 * @file Runs the kernels of models on a rank's device: finds functions, writes parameters, launches.
 */
import { CrossoverError } from '../../../errors.ts';
import { CUDA_SUCCESS, check } from '../../../ffi/cuda.ts';
import type { ComputeName, ComputeOperands } from '../../compute.ts';
import { validateCompute } from '../../validate-compute.ts';
import type { Device } from '../device.ts';
import type { Functions, LoadedKernel } from '../functions.ts';
import { ComputeRecord } from './record.ts';
import { COMPUTE_TABLE } from './table.ts';
import type { ComputeImplementation, ComputeTarget, ModelFunction, ModelLaunch } from './target.ts';

/** What the engine does for it. */
export interface ComputeHost {
  readonly functions: Functions;
  /** Whether blocks may start while the kernel before ends. */
  readonly programmatic: boolean;
  capturing(): boolean;
  /** Makes a call that may wait for all that runs on the device. */
  loading<T>(load: () => T): T;
  /** Notes a launch in a recording. */
  count(): void;
  /** Returns when all that was enqueued has ended. */
  wait(): void;
  warn(line: string): void;
}

const NONE: readonly string[] = [];

export class Compute implements ComputeTarget {
  readonly device: Device;
  readonly #host: ComputeHost;
  readonly #record: ComputeRecord;
  readonly #kept = new Map<unknown, { close?(): void }>();

  constructor(device: Device, host: ComputeHost) {
    this.device = device;
    this.#host = host;
    this.#record = new ComputeRecord(device.stream);
  }

  get multiprocessors(): number {
    return this.device.multiprocessors;
  }

  get capability(): number {
    return this.device.capability;
  }

  get capturing(): boolean {
    return this.#host.capturing();
  }

  run<N extends ComputeName>(kernel: N, operands: ComputeOperands<N>): void {
    const implementation = implementationOf(kernel);
    validateCompute(kernel, operands);
    implementation.run(operands, this);
  }

  scratchBytes<N extends ComputeName>(kernel: N, operands: ComputeOperands<N>): number {
    const implementation = implementationOf(kernel);
    validateCompute(kernel, operands, 'shape');
    return implementation.scratchBytes?.(operands, this) ?? 0;
  }

  launch(launch: ModelLaunch): void {
    const { sharedBytes = 0 } = launch;
    const loaded = this.#find(launch);
    if (sharedBytes > loaded.sharedBytes) this.#host.functions.raiseShared(loaded, sharedBytes);
    const record = this.#record;
    record.write(launch, this.#host.programmatic ? 1 : 0);
    const result = this.device.cuda.launchKernelEx(record.config, loaded.handle, record.params, null);
    if (result !== CUDA_SUCCESS) {
      check(
        result,
        `launching ${launch.kernel} (grid ${launch.grid.join(' x ')}, ${launch.block} threads, ${sharedBytes} bytes of shared memory)`,
      );
    }
    this.count();
  }

  count(): void {
    this.#host.count();
  }

  wait(): void {
    this.#host.wait();
  }

  loading<T>(load: () => T): T {
    return this.#host.loading(load);
  }

  warn(line: string): void {
    this.#host.warn(line);
  }

  once<T extends { close?(): void }>(make: (target: ComputeTarget) => T): T {
    const known = this.#kept.get(make);
    if (known !== undefined) return known as T;
    const made = make(this);
    this.#kept.set(make, made);
    return made;
  }

  close(): void {
    for (const kept of this.#kept.values()) kept.close?.();
    this.#kept.clear();
    this.#record.release();
  }

  #find({ kernel, source, defines = NONE }: ModelFunction): LoadedKernel {
    const { functions } = this.#host;
    return (
      functions.findModel(kernel, source, defines) ??
      this.#host.loading(() => functions.loadModel(kernel, source, defines))
    );
  }
}

function implementationOf<N extends ComputeName>(kernel: N): ComputeImplementation<N> {
  const found = Object.hasOwn(COMPUTE_TABLE, kernel) ? COMPUTE_TABLE[kernel] : undefined;
  if (found) return found as ComputeImplementation<N>;
  throw new CrossoverError(`the CUDA engine has no kernel ${kernel}`);
}
