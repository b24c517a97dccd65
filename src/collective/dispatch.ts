/**
 * @file From an operation and a size to an algorithm: the plan's ranges, resolved once a key (pieces.ts) and then found by binary search.
 * A call costs an array index, a map lookup and the search, and allocates nothing.
 */
import type { Engine } from '../engine/engine.ts';
import { MODES, type Mode, OPERATIONS, type Operation, QUANTIZATIONS } from '../operations.ts';
import { keyName, type PlanKey } from '../plan/key.ts';
import { type CompiledEntry, lastAtMost, type PlanIndex } from '../plan/lookup.ts';
import { DTYPES } from '../tensor/dtype.ts';
import { type Choice, type Request, refusal } from './algorithm.ts';
import { algorithmNamed, algorithmsOf } from './catalog.ts';
import { piecesOf } from './pieces.ts';
import { nobodyServes } from './usable.ts';

/** What runs without a plan: right at every size, fast at none in particular, and no fusion that nobody measured. */
const UNTUNED: Readonly<Record<Operation, string>> = {
  all_reduce: 'two_shot',
  all_gather: 'direct',
  reduce_scatter: 'direct',
  broadcast: 'direct',
  all_reduce_rms_norm: 'unfused_two_shot',
};

/**
 * What runs without a plan on an engine: UNTUNED, or where that is refused (our own kernels cannot run between hosts) the first algorithm that
 * serves every size and rounds no more than it must.
 * @throws CrossoverError that gives the reason of each algorithm when there is none
 */
function untuned(key: PlanKey, engine: Engine): Choice {
  const sizes = [0, Number.MAX_SAFE_INTEGER].map((bytes): Request => ({ ...key, bytes }));
  const usual = algorithmNamed(key.operation, UNTUNED[key.operation]);
  const found = [usual, ...algorithmsOf(key.operation)].find(
    (algorithm) =>
      !algorithm.lossy && sizes.every((request) => refusal(algorithm, request, engine) === undefined),
  );
  if (!found) throw nobodyServes(sizes, engine);
  return { algorithm: found, tunables: found.tunables(sizes[0]!, engine)[0]! };
}

/** The choices for one key. */
class Selector {
  readonly #choices: readonly Choice[];
  /** First size of each, apart, so that a search touches one small block of memory. */
  readonly #starts: Float64Array;

  constructor(entry: CompiledEntry | undefined, key: PlanKey, engine: Engine) {
    const pieces = entry
      ? piecesOf(key, entry.entry, engine, () => untuned(key, engine))
      : [{ from: 0, choice: untuned(key, engine) }];
    this.#choices = pieces.map(({ choice }) => choice);
    this.#starts = Float64Array.from(pieces, ({ from }) => from);
  }

  /** Allocates nothing. */
  find(bytes: number): Choice {
    return this.#choices[lastAtMost(this.#starts, bytes)]!;
  }
}

export class Dispatcher {
  readonly #engine: Engine;
  readonly #plan: PlanIndex | undefined;
  readonly #untuned: (key: string, algorithm: string) => void;
  /** Selectors by `index` below, and then by hidden size (0 for operations without rows). */
  readonly #selectors: Map<number, Selector>[] = [];

  /** `untuned` is told once a key that no plan covers it. */
  constructor(
    engine: Engine,
    plan: PlanIndex | undefined,
    untuned: (key: string, algorithm: string) => void,
  ) {
    this.#engine = engine;
    this.#plan = plan;
    this.#untuned = untuned;
    const keys = OPERATIONS.length * DTYPES.length * MODES.length * QUANTIZATIONS.length * 2;
    for (let i = 0; i < keys; i++) this.#selectors.push(new Map());
  }

  /**
   * Arguments are codes: indices into OPERATIONS, DTYPES, MODES and QUANTIZATIONS; `hidden` is 0 for operations without rows. `isOutside` says
   * whether buffers lie outside the symmetric heap.
   */
  select(
    operation: number,
    dtype: number,
    mode: number,
    quantization: number,
    hidden: number,
    bytes: number,
    isOutside: boolean,
  ): Choice {
    const inside =
      ((operation * DTYPES.length + dtype) * MODES.length + mode) * QUANTIZATIONS.length + quantization;
    const index = 2 * inside + (isOutside ? 1 : 0);
    const selector =
      this.#selectors[index]!.get(hidden) ??
      this.#resolve(index, operation, dtype, mode, quantization, hidden, isOutside);
    return selector.find(bytes);
  }

  /** The plan key of the same codes. */
  key(
    operation: Operation,
    dtype: number,
    mode: Mode,
    quantization: number,
    hidden: number,
    registered = true,
  ): PlanKey {
    return {
      operation,
      dtype: DTYPES[dtype]!,
      worldSize: this.#engine.group.size,
      mode,
      ...(hidden > 0 ? { hidden, quantization: QUANTIZATIONS[quantization]! } : {}),
      registered,
    };
  }

  #resolve(
    index: number,
    operation: number,
    dtype: number,
    mode: number,
    quantization: number,
    hidden: number,
    isOutside: boolean,
  ): Selector {
    const key = this.key(OPERATIONS[operation]!, dtype, MODES[mode]!, quantization, hidden, !isOutside);
    const entry = this.#plan?.entry(key);
    const selector = new Selector(entry, key, this.#engine);
    this.#selectors[index]!.set(hidden, selector);
    if (!entry) this.#untuned(keyName(key), selector.find(0).algorithm.name);
    return selector;
  }
}
