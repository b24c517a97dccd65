/**
 * @file The CPU engine: ranks are threads, their memory is one shared WebAssembly memory, and kernels are SIMD code in it.
 * It is what a laptop, CI or a host without GPUs runs: the same algorithms, plans and recordings as on GPUs.
 */
import { CrossoverError, MismatchError } from '../../errors.ts';
import { type Group, SITE } from '../../group/group.ts';
import { Allocator } from '../../memory/allocator.ts';
import { hostFingerprint } from '../../plan/fingerprint.ts';
import type { Fingerprint } from '../../plan/plan.ts';
import type { ComputeName, ComputeOperands } from '../compute.ts';
import { disagreement } from '../describe.ts';
import type { Arena, DeviceTraits, Engine, Launch, Recording } from '../engine.ts';
import { CommandCodec } from './command.ts';
import { ComputeCodec } from './compute-command.ts';
import { compileKernels, instantiate, type Kernels, kernelsHash } from './kernels.ts';
import {
  COMMANDS_BYTES,
  DEFAULT_ARENA_BYTES,
  layoutFor,
  MAX_HIDDEN,
  MAX_WORLD_SIZE,
  STAGE_BYTES,
} from './layout.ts';

const PAGE = 65536;
/**
 * Polls in WebAssembly that take as long as one of the group's in JavaScript: 0.4 ns against 25. A rank should poll for as long as
 * falling asleep and being woken costs, some 50 us, so that it never loses more than twice the least.
 */
const POLLS = 60;

export interface CpuEngineOptions {
  /** Bytes of the symmetric heap, a rank; 128 MiB by default. Address space only: pages are committed when touched. */
  readonly arenaBytes?: number | undefined;
  /** Where the counters that ranks synchronize by start, 0 by default; tests start them just below 2^32, where they wrap around. */
  readonly firstEpoch?: number | undefined;
}

/** Collective over the group: every rank of it must call. */
export function createCpuEngine(group: Group, options: CpuEngineOptions = {}): Engine {
  if (group.kind !== 'threads') {
    throw new CrossoverError(
      'the CPU engine serves threads of one process: its memory is one WebAssembly memory; leave --processes and --nodes out, or use --device cuda',
    );
  }
  if (group.size > MAX_WORLD_SIZE) {
    throw new CrossoverError(`the CPU engine serves 1 to ${MAX_WORLD_SIZE} ranks, not ${group.size}`);
  }
  const layout = layoutFor(group.rank, group.size, options.arenaBytes ?? DEFAULT_ARENA_BYTES);
  const shared = group.broadcast(
    group.rank === 0 ? { memory: createMemory(layout.memoryBytes), module: compileKernels() } : undefined,
  )!;
  const kernels = instantiate(
    shared.module,
    shared.memory,
    group.rank,
    group.size,
    group.spins * POLLS,
    layout,
  );
  kernels.startAt(options.firstEpoch ?? 0);
  // Also the barrier behind which all counters are set.
  const sizes = group.gather(layout.arenaBytes);
  const other = sizes.findIndex((bytes) => bytes !== sizes[0]);
  if (other >= 0) {
    throw new MismatchError(
      `ranks disagree: arenaBytes is ${sizes[0]} on rank 0, ${sizes[other]} on rank ${other}`,
    );
  }
  return new CpuEngine(group, shared.memory, kernels, layout.commands, {
    base: layout.arena,
    bytes: layout.arenaBytes,
  });
}

/** What identifies this host and these kernels in plans. */
export function cpuFingerprint(): Fingerprint {
  return hostFingerprint('cpu', { simd: 'WebAssembly 128-bit' }, kernelsHash());
}

function createMemory(bytes: number): WebAssembly.Memory {
  const pages = Math.ceil(bytes / PAGE);
  try {
    return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  } catch (cause) {
    throw new CrossoverError(
      `cannot reserve ${bytes} bytes of shared memory; lower arenaBytes (--arena) or the number of ranks`,
      {
        cause,
      },
    );
  }
}

const TRAITS: DeviceTraits = {
  multiprocessors: 0,
  cacheBytes: 8 * 1024 * 1024,
  mailboxBytes: 0,
  stageBytes: STAGE_BYTES,
  allToAll: true,
};

class CpuEngine implements Engine {
  readonly name = 'cpu';
  readonly group: Group;
  readonly arena: Arena;
  readonly traits = TRAITS;
  readonly maxHidden = MAX_HIDDEN;
  readonly #memory: Uint8Array;
  readonly #kernels: Kernels;
  readonly #words: Uint32Array;
  readonly #codec: CommandCodec;
  readonly #compute: ComputeCodec;
  /** Where an eager call is written. */
  readonly #eager: number;
  /** Room for recordings, behind the eager command. */
  readonly #room: Allocator;
  /** Launches, and calls of a model's kernels as their records. */
  #captured: (Launch | Uint32Array)[] | undefined;

  constructor(group: Group, memory: WebAssembly.Memory, kernels: Kernels, commands: number, arena: Arena) {
    this.group = group;
    this.arena = arena;
    this.#memory = new Uint8Array(memory.buffer);
    this.#kernels = kernels;
    this.#words = new Uint32Array(memory.buffer);
    this.#codec = new CommandCodec(memory, kernels);
    this.#compute = new ComputeCodec(kernels);
    this.#eager = commands;
    this.#room = new Allocator(COMMANDS_BYTES - 256);
  }

  fingerprint(): Fingerprint {
    return cpuFingerprint();
  }

  missing(kernel: string): string | undefined {
    const there = this.#kernels.numbers.has(kernel) || this.#compute.has(kernel);
    return there ? undefined : `the CPU engine has no kernel ${kernel}`;
  }

  enqueue(launch: Launch): void {
    if (this.#captured) {
      this.#captured.push({ ...launch });
      return;
    }
    this.#codec.write(this.#eager, launch);
    this.#kernels.sign(this.#eager);
    this.group.enter(SITE.eager);
    const failed = this.#kernels.run(this.#eager, 1, 1);
    this.group.leave();
    if (failed) this.#disagree(this.#eager);
  }

  compute<N extends ComputeName>(kernel: N, operands: ComputeOperands<N>): void {
    const record = this.#compute.encode(kernel, operands);
    if (this.#captured) {
      this.#captured.push(record);
      return;
    }
    this.#words.set(record, this.#eager >>> 2);
    this.#kernels.run(this.#eager, 1, 1);
    // It waited for nobody, but for the watchdog it has come a step further.
    this.group.leave();
  }

  scratchBytes<N extends ComputeName>(kernel: N, operands: ComputeOperands<N>): number {
    this.#compute.validate(kernel, operands, 'shape');
    return 0;
  }

  beginCapture(): void {
    if (this.#captured) throw new CrossoverError('a capture is under way already');
    this.#captured = [];
  }

  abortCapture(): void {
    this.#captured = undefined;
  }

  endCapture(): Recording {
    const launches = this.#captured;
    if (!launches) throw new CrossoverError('endCapture without beginCapture');
    this.#captured = undefined;
    const stride = this.#kernels.commandBytes;
    const offset = this.#room.allocate(launches.length * stride);
    if (offset < 0) {
      throw new CrossoverError(
        `no room for a recording of ${launches.length} launches: ${Math.floor(this.#room.largest / stride)} fit; close recordings that are done`,
      );
    }
    const first = this.#eager + 256 + offset;
    for (const [i, launch] of launches.entries()) {
      const at = first + i * stride;
      if (launch instanceof Uint32Array) {
        this.#words.set(launch, at >>> 2);
      } else {
        this.#codec.write(at, launch);
        this.#kernels.sign(at);
      }
    }
    let open = true;
    return {
      launches: launches.length,
      replay: (times = 1) => {
        if (!open) throw new CrossoverError('the recording is closed');
        this.#replay(first, launches.length, times);
      },
      close: () => {
        if (open) this.#room.release(offset);
        open = false;
      },
    };
  }

  #replay(first: number, count: number, times: number): void {
    if (this.#captured) throw new CrossoverError('a recording cannot be replayed while another is captured');
    if (!Number.isInteger(times) || times < 0 || times > 0xffffffff) {
      throw new CrossoverError(`times is ${times}; a recording is replayed a whole number of times`);
    }
    this.group.enter(SITE.replay);
    const failed = this.#kernels.run(first, count, times);
    this.group.leave();
    if (failed) this.#disagree(first + (failed - 1) * this.#kernels.commandBytes);
  }

  /** Every rank finds the mismatch at the same barrier, so all of them come here and can compare notes. */
  #disagree(command: number): never {
    const calls = this.group.gather(this.#codec.describe(command, this.arena.base));
    const rank = Math.max(
      0,
      calls.findIndex(({ signature }) => signature !== calls[0]!.signature),
    );
    throw disagreement(calls[0]!, rank, calls[rank]!);
  }

  synchronize(): void {
    // Launches have finished when `enqueue` returns.
  }

  read(address: number, bytes: number): Uint8Array {
    return this.#memory.slice(address, address + bytes);
  }

  write(address: number, data: Uint8Array): void {
    this.#memory.set(data, address);
  }

  close(): void {
    this.abortCapture();
  }
}
