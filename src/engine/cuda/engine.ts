/**
 * @file The CUDA engine: a rank is a thread or process with one GPU and one stream, kernels reach into each other's memory, and recordings are
 * CUDA graphs. Nothing here blocks in the driver while a kernel may wait for a peer: the host waits by polling, so that a rank can be ended.
 */
import { CrossoverError } from '../../errors.ts';
import { CUDA_SUCCESS, check } from '../../ffi/cuda.ts';
import { type Group, SITE } from '../../group/group.ts';
import { stopWordsOf } from '../../group/member.ts';
import type { Fingerprint } from '../../plan/plan.ts';
import type { ComputeName, ComputeOperands, Product } from '../compute.ts';
import {
  type Arena,
  type DeviceTraits,
  type Engine,
  emptyLaunch,
  type Launch,
  type Recording,
} from '../engine.ts';
import { aloneKernel, copy } from './alone.ts';
import { Backlog } from './backlog.ts';
import { CallLog } from './call-log.ts';
import type { ShapeTarget } from './catalog/kernel.ts';
import { Compute } from './compute/compute.ts';
import { TUNE_PRODUCTS } from './compute/table.ts';
import type { Device, Links } from './device.ts';
import { Farewell } from './farewell.ts';
import { cudaFingerprint } from './fingerprint.ts';
import { COLLECTIVE, Functions, INFOS, type KernelInfo, type LoadedKernel, NCCL_NAMES } from './functions.ts';
import type { Capture } from './graph.ts';
import { inDriver } from './in-driver.ts';
import { LaunchRecord } from './launch-record.ts';
import { HEAP, MAILBOX_BYTES, MAX_HIDDEN, STAGE_BYTES } from './layout.ts';
import type { Blocks } from './memory.ts';
import { createNccl, type Outside } from './nccl.ts';
import type { CudaEngineSettings } from './options.ts';
import { problemWithMemory } from './outside-memory.ts';
import { OwnMemory } from './own-memory.ts';
import { Recorder } from './recorder.ts';
import { ranksPerGpu } from './sharing.ts';
import { Status } from './status.ts';
import { EventTimer } from './timer.ts';
import { Waiter } from './waiter.ts';

/** Devices from sm_90 on let a kernel's blocks start while the kernel before ends. */
const PROGRAMMATIC_FROM = 90;

/** Made by `createCudaEngine`. */
export class CudaEngine implements Engine {
  readonly name = 'cuda';
  readonly group: Group;
  readonly arena: Arena;
  readonly traits: DeviceTraits;
  readonly maxHidden: number = MAX_HIDDEN;
  readonly timer: EventTimer;
  readonly tuneProducts?: (products: readonly Product[]) => void;
  readonly #device: Device;
  readonly #links: Links;
  readonly #blocks: Blocks;
  readonly #status: Status;
  readonly #functions: Functions;
  readonly #record: LaunchRecord;
  readonly #compute: Compute;
  readonly #memory: OwnMemory;
  readonly #log: CallLog;
  readonly #waiter: Waiter;
  readonly #backlog: Backlog;
  readonly #nccl: Outside;
  readonly #target: ShapeTarget;
  readonly #noop: Launch = emptyLaunch();
  readonly #shared: boolean = ranksPerGpu() > 1;
  readonly #recorder: Recorder;
  readonly #farewell: Farewell;
  #closed = false;

  constructor(group: Group, device: Device, links: Links, blocks: Blocks, settings: CudaEngineSettings) {
    const { arenaBytes, deadlineSeconds, stallSeconds, warn } = settings;
    this.group = group;
    this.#device = device;
    this.#links = links;
    this.#blocks = blocks;
    this.arena = { base: blocks.own.address + HEAP, bytes: arenaBytes };
    this.traits = {
      multiprocessors: device.multiprocessors,
      cacheBytes: device.cacheBytes,
      mailboxBytes: MAILBOX_BYTES,
      stageBytes: STAGE_BYTES,
      allToAll: group.kind !== 'hosts' && (links.kind === 'NVLink' || links.kind === 'none'),
    };
    const clusters = device.capability >= PROGRAMMATIC_FROM;
    // Recordings of ranks that share a GPU came to a stop now and then with it.
    const programmatic = clusters && !this.#shared;
    this.#target = { multiprocessors: device.multiprocessors, worldSize: group.size, clusters };
    this.#status = inDriver(group, () => new Status(device, stopWordsOf(group)));
    this.#functions = new Functions(device, group.size, warn);
    this.#record = new LaunchRecord({
      rank: group.rank,
      peers: blocks.peers,
      status: this.#status.address,
      deadlineNanoseconds: Math.round(deadlineSeconds * 1e9),
      stream: device.stream,
      programmatic,
    });
    this.#compute = new Compute(device, {
      functions: this.#functions,
      programmatic,
      capturing: () => this.#capture !== undefined,
      loading: (load) => this.#loading(load),
      count: () => this.#count(),
      wait: () => this.#waiter.wait(),
      warn,
    });
    const tune = TUNE_PRODUCTS;
    if (tune) this.tuneProducts = (products) => tune(products, this.#compute, group);
    this.#memory = new OwnMemory(device);
    this.#log = new CallLog(group, this.arena);
    this.#nccl = createNccl({ group, block: blocks.own, fence: () => this.#fence() });
    this.#waiter = new Waiter(group, device, this.#status, this.#log, this.#nccl, {
      deadlineSeconds,
      stallSeconds,
    });
    this.#backlog = new Backlog(device, (done) => this.#waiter.wait(SITE.eager, done));
    this.#recorder = new Recorder(group, device, this.#waiter, this.#log, {
      count: (launches) => this.#backlog.add(launches),
      meet: () => this.#meetWhereShared(),
    });
    this.timer = new EventTimer(device, this.#waiter);
    this.#farewell = new Farewell(group);
  }

  fingerprint(): Fingerprint {
    return cudaFingerprint();
  }

  missing(kernel: string): string | undefined {
    if (kernel.startsWith('nccl')) return this.#nccl.missing(kernel);
    if (kernel === 'copy') return undefined;
    if (!INFOS.has(kernel)) return `the CUDA engine has no kernel ${kernel}`;
    if (this.#functions.refused) return this.#functions.refused;
    const { needs = 0 } = INFOS.get(kernel)!.kernel;
    if (this.#device.capability < needs)
      return `${kernel} needs sm_${needs}; ${this.#device.name} is sm_${this.#device.capability}`;
    return this.group.size > 1 && COLLECTIVE.test(kernel) ? this.#unreachable() : undefined;
  }

  /** Why kernels cannot reach peers' memory. */
  #unreachable(): string | undefined {
    if (this.group.kind === 'hosts')
      return "kernels cannot reach memory of other hosts: only NCCL's algorithms work here";
    if (!this.#links.broken) return undefined;
    const [a, b] = this.#links.broken;
    return `GPU ${a} cannot reach the memory of GPU ${b} (no P2P): only NCCL's algorithms work here`;
  }

  enqueue(launch: Launch): void {
    if (this.#waiter.over) this.#waiter.refuse();
    let { kernel } = launch;
    if (this.group.size === 1) {
      kernel = aloneKernel(kernel);
      if (kernel === 'nothing') return;
    }
    if (kernel === 'copy') {
      if (copy(this.#device, launch)) this.#count();
      return;
    }
    const outside = NCCL_NAMES.get(kernel);
    if (outside !== undefined) {
      this.#note(outside, launch);
      if (launch.count === 0) return;
      if (this.#capture) this.#capture.outside = true;
      else this.#recorder.waitForOutsideReplays();
      this.#nccl.enqueue(launch, this.#device.stream);
      this.#count();
      return;
    }
    const info = INFOS.get(kernel);
    if (!info) throw new CrossoverError(`the CUDA engine has no kernel ${kernel}`);
    if (info.collective) {
      if (this.#blocks.peers.length < this.group.size)
        throw new CrossoverError(`${kernel}: ${this.#unreachable()}`);
      this.#note(info.index, launch);
    }
    if (isEmpty(info, launch)) return;
    const variant = info.kernel.variant?.(launch, this.#target);
    this.#launch(variant === undefined ? info : INFOS.get(variant)!, launch);
  }

  compute<N extends ComputeName>(kernel: N, operands: ComputeOperands<N>): void {
    if (this.#waiter.over) this.#waiter.refuse();
    this.#compute.run(kernel, operands);
  }

  scratchBytes<N extends ComputeName>(kernel: N, operands: ComputeOperands<N>): number {
    return this.#compute.scratchBytes(kernel, operands);
  }

  allocate(bytes: number): number {
    return this.#loading(() => this.#memory.allocate(bytes));
  }

  memory(): { readonly total: number; readonly free: number } {
    return this.#memory.room();
  }

  beginCapture(): void {
    this.#recorder.begin();
  }

  abortCapture(): void {
    this.#recorder.abort();
  }

  endCapture(): Recording {
    return this.#recorder.end();
  }

  synchronize(): void {
    this.#waiter.wait();
  }

  problemWithMemory(address: number, bytes: number): string | undefined {
    return problemWithMemory(this.#device, address, bytes);
  }

  read(address: number, bytes: number): Uint8Array {
    this.#waiter.wait();
    const data = new Uint8Array(bytes);
    if (bytes === 0) return data;
    const { cuda, stream } = this.#device;
    check(cuda.memcpyDtoHAsync(data, address, bytes, stream), 'cuMemcpyDtoHAsync');
    this.#waiter.wait();
    return data;
  }

  write(address: number, data: Uint8Array): void {
    this.#waiter.wait();
    if (data.length === 0) return;
    const { cuda, stream } = this.#device;
    check(cuda.memcpyHtoDAsync(address, data, data.length, stream), 'cuMemcpyHtoDAsync');
    this.#waiter.wait();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.abortCapture();
    let well = !this.#waiter.over;
    try {
      if (well) this.#waiter.wait();
    } catch {
      // Whoever waited has been told; closing goes on.
      well = false;
    }
    // What still runs may use all of it: then it is left to the end of the process.
    if (!this.#waiter.drained) return;
    this.#recorder.close();
    if (well && this.#farewell.meet()) this.#nccl.close();
    this.#compute.close();
    this.#memory.release();
    this.#functions.close();
    this.timer.close();
    this.#backlog.close();
    this.#record.release();
    this.#status.release();
    this.#blocks.close();
    this.#device.close();
  }

  get #capture(): Capture | undefined {
    return this.#recorder.capture;
  }

  /** Ranks compare what they call: when they wait, or when a recording is made. */
  #note(kernel: number, launch: Launch): void {
    if (this.#capture) this.#capture.note(kernel, launch, this.arena);
    else this.#log.note(kernel, launch);
  }

  /**
   * Loading a kernel, as much else in the driver, waits for all that runs on a GPU: where that may be another rank's kernel, none waits for a rank that has not yet
   * come so far.
   */
  #meetWhereShared(): void {
    if (this.#shared) this.group.barrier();
  }

  #count(): void {
    if (this.#capture) this.#capture.launches++;
    else this.#backlog.add(1);
  }

  #launch(info: KernelInfo, launch: Launch, attributes?: 0): void {
    const loaded = this.#functions.find(info, launch) ?? this.#load(info, launch);
    const shape = info.kernel.shape(launch, this.#target);
    if (shape.sharedBytes > loaded.sharedBytes) this.#functions.raiseShared(loaded, shape.sharedBytes);
    const record = this.#record;
    record.write(launch, shape, info.parts, attributes);
    if (info.collective && !this.#capture) this.#meetWhereShared();
    const result = this.#device.cuda.launchKernelEx(record.config, loaded.handle, record.params, null);
    if (result !== CUDA_SUCCESS) check(result, `launching ${info.name}`);
    this.#count();
  }

  #load(info: KernelInfo, launch: Launch): LoadedKernel {
    return this.#loading(() => this.#functions.load(info, launch));
  }

  /** For calls that may wait for all that runs on the device. Before a capture, it was waited for already. */
  #loading<T>(load: () => T): T {
    if (!this.#capture) this.#waiter.wait();
    return inDriver(this.group, load);
  }

  /** A kernel that starts only after the one before has ended, for those behind it that do not wait for the one before. */
  #fence(): void {
    this.#launch(INFOS.get('noop')!, this.#noop, 0);
  }
}

/** Whether there is nothing to do. */
function isEmpty(info: KernelInfo, launch: Launch): boolean {
  if (info.rows) return launch.tokens === 0 || launch.hidden === 0;
  return launch.count === 0 && info.name !== 'barrier' && info.name !== 'touch';
}
