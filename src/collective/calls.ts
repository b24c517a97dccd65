/**
 * @file The part that all calls of a communicator have in common: one launch that is filled in anew each time, the choice of an algorithm,
 * and what happens when ranks disagree.
 */
import { type Engine, emptyLaunch, type Launch } from '../engine/engine.ts';
import { CrossoverError } from '../errors.ts';
import type { SymmetricHeap } from '../memory/heap.ts';
import type { Tensor } from '../memory/tensor.ts';
import { MODES, OPERATIONS } from '../operations.ts';
import { type Choice, NO_TUNABLES, type Request, refusal, type Tunables } from './algorithm.ts';
import { algorithmNamed } from './catalog.ts';
import type { Dispatcher } from './dispatch.ts';
import { OutsideBuffers } from './outside.ts';

/** Overrides the plan for one call; benches and tests use it. */
export interface Override {
  /** Name of an algorithm of the operation, with its default tunables; or a choice that `choose` made. */
  readonly algorithm?: string | Choice | undefined;
}

export class Calls {
  /** No call leaves anything in it that the next relies on. */
  readonly launch: Launch = emptyLaunch();
  /** Whether calls are being recorded: a plan has entries of their own for those. */
  capturing = false;
  closed = false;
  readonly outside: OutsideBuffers;
  readonly #barrier: Launch = { ...emptyLaunch(), kernel: 'barrier' };
  readonly #engine: Engine;
  readonly #heap: SymmetricHeap;
  readonly #dispatcher: Dispatcher;
  /** The operands that peers may reach for. */
  #x: Tensor | undefined;
  #out: Tensor | undefined;

  constructor(engine: Engine, heap: SymmetricHeap, dispatcher: Dispatcher) {
    this.#engine = engine;
    this.#heap = heap;
    this.#dispatcher = dispatcher;
    this.outside = new OutsideBuffers(engine, heap);
  }

  /**
   * An algorithm by name with tunables (its defaults where absent), for calls that override the plan.
   * Throws when there is none of that name, when it refuses the request, or has no such tunable.
   */
  choose(request: Request, name: string, tunables: Tunables = NO_TUNABLES): Choice {
    const algorithm = algorithmNamed(request.operation, name);
    const refused = refusal(algorithm, request, this.#engine);
    if (refused) throw new CrossoverError(`algorithm ${name} cannot do this: ${refused}`);
    const defaults = algorithm.tunables(request, this.#engine)[0]!;
    for (const [tunable, value] of Object.entries(tunables)) {
      if (!(tunable in defaults)) {
        const has = Object.keys(defaults).join(', ') || 'none';
        throw new CrossoverError(`algorithm ${name} has no tunable "${tunable}"; it has ${has}`);
      }
      if (!Number.isInteger(value) || value < 1) {
        throw new CrossoverError(`tunable ${tunable} is ${value}; use a whole number from 1 up`);
      }
    }
    return { algorithm, tunables: { ...defaults, ...tunables } };
  }

  open(): void {
    if (this.closed) throw new CrossoverError('the communicator is closed');
  }

  /** Operands of a collective on two tensors; everything else is cleared. */
  fill(x: Tensor, out: Tensor, reduceOp: number, root: number): void {
    const launch = this.launch;
    this.operands(x, out);
    launch.dtype = x.code;
    launch.reduceOp = reduceOp;
    launch.count = x.count;
    launch.parts = undefined;
    launch.input = x.address;
    launch.output = out.address;
    launch.root = root;
    launch.tokens = 0;
    launch.hidden = 0;
    launch.residual = 0;
    launch.residualOut = 0;
    launch.weight = 0;
    launch.weightBias = 0;
    launch.castBeforeWeight = false;
    launch.epsilon = 0;
    launch.quantization = 0;
    launch.quantOut = 0;
    launch.scaleOut = 0;
    launch.scale = 0;
  }

  /** Which tensors of a call peers may reach for. */
  operands(x: Tensor, out: Tensor): void {
    this.#x = x;
    this.#out = out;
  }

  /** Picks the algorithm for what `launch` holds, by the plan or as overridden, and enqueues it. `bytes` is the message as plans count it. */
  dispatch(operation: number, bytes: number, options: Override): void {
    const launch = this.launch;
    const x = this.#x!;
    const out = this.#out!;
    const isOutside = x.external || out.external;
    const choice =
      options.algorithm === undefined
        ? this.#dispatcher.select(
            operation,
            launch.dtype,
            this.capturing ? 1 : 0,
            launch.quantization,
            launch.hidden,
            bytes,
            isOutside,
          )
        : typeof options.algorithm === 'string'
          ? this.#named(operation, options.algorithm, bytes)
          : options.algorithm;
    const { algorithm, tunables } = choice;
    if (algorithm.operation !== OPERATIONS[operation]) {
      throw new CrossoverError(
        `algorithm ${algorithm.name} is one of ${algorithm.operation}, not of ${OPERATIONS[operation]}`,
      );
    }
    launch.chunkBytes = 0;
    launch.blocks = 0;
    launch.threads = 0;
    try {
      if (isOutside) this.outside.enqueue(algorithm, tunables, launch, x, out, this.capturing);
      else algorithm.enqueue(this.#engine, launch, tunables);
    } catch (error) {
      this.#heap.rethrow(error);
    }
  }

  #named(operation: number, name: string, bytes: number): Choice {
    const { dtype, hidden, quantization } = this.launch;
    return this.choose(
      { ...this.#dispatcher.key(OPERATIONS[operation]!, dtype, MODES[0], quantization, hidden), bytes },
      name,
    );
  }

  /** Enqueues a barrier. Ranks compare it as they do collectives, so nothing of what each did last may be in it. */
  meet(): void {
    this.#engine.enqueue(this.#barrier);
  }

  /** Enqueues a kernel that involves no other rank. */
  local(kernel: string): void {
    this.launch.kernel = kernel;
    this.#engine.enqueue(this.launch);
  }
}
