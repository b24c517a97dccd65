/**
 * @file Ways to dispatch the collectives of a model, to be compared in one run. The graph is the same for all of them: every all-reduce that can be fused is
 * one node, for which the unfused sequence is a candidate like any other. So variants differ in algorithms alone, and where those sum in
 * rank order, in no bit.
 */
import { type Bits, type Choice, type Request, refusal } from '../collective/algorithm.ts';
import { isUnfused } from '../collective/all-reduce-rms-norm/unfused.ts';
import { algorithmNamed } from '../collective/catalog.ts';
import type { Communicator } from '../collective/communicator.ts';
import { CrossoverError } from '../errors.ts';
import type { Node } from '../graph/ir/graph.ts';
import type { SiteContext } from '../graph/run/site.ts';
import type { Operation, Quantization } from '../operations.ts';
import { extrapolate, spans } from '../plan/curve.ts';
import type { PlanKey } from '../plan/key.ts';
import type { CompiledEntry, PlanIndex } from '../plan/lookup.ts';
import type { Candidate } from '../plan/plan.ts';
import { formatBytes } from '../units.ts';

/**
 * - `unfused`: the fastest all-reduce at every size, and a norm behind it
 * - `fused`: the fastest fused operation at every size
 * - `fused-cap`: fused up to a cap, as serving engines do it, and unfused above
 * - `nccl`: NCCL for everything, unfused
 * - `plan`: what the plan says
 */
export const VARIANTS = ['unfused', 'fused', 'fused-cap', 'nccl', 'plan'] as const;

export type VariantName = (typeof VARIANTS)[number];

/**
 * With data-parallel attention, ways to gather and scatter the tokens of ranks that have different numbers of them:
 * - `padded`: every rank has as many as the one with the most
 * - `summed`: as many as it has, in parts of different lengths
 * - `padded-outside`, `summed-outside`: the same on memory outside the symmetric heap, which is copied through it where peers have to reach for it
 * - `plan`: padded or summed, by what the plan's measurements of both sizes say
 */
export const DATA_VARIANTS = ['padded', 'summed', 'padded-outside', 'summed-outside', 'plan'] as const;

export type DataVariantName = (typeof DATA_VARIANTS)[number];

/** A collective of a model, as a plan is asked for it. */
export type Wanted = Omit<PlanKey, 'mode' | 'worldSize'> & { readonly bytes: number };

/** How the collectives of one kind were dispatched. */
export interface Dispatched {
  readonly operation: Operation;
  readonly bytes: number;
  readonly algorithm: string;
  readonly tunables: Readonly<Record<string, number>>;
  readonly bits: Bits;
  /** Collectives of a step that were. */
  readonly sites: number;
}

/** What an operation takes by the plan's measurements when a variant does it, us; undefined where it was not measured. */
export function measuredUs(
  index: PlanIndex,
  variant: VariantName,
  wanted: Wanted,
  worldSize: number,
  capBytes: number,
): number | undefined {
  const entry = wanted.registered ? entryFor(index, wanted, worldSize) : undefined;
  const found = entry && candidateFor(entry, variant, wanted, capBytes);
  return found && timeOf(entry, found, wanted.bytes);
}

/** Of a candidate at a size; undefined where it was not measured while others were. */
function timeOf({ entry }: CompiledEntry, { points }: Candidate, bytes: number): number | undefined {
  const { from, to } = entry.measured;
  return spans(points, Math.min(to, Math.max(from, bytes))) ? extrapolate(points, bytes)?.us : undefined;
}

/** Where the plan answers for something else than was asked, in words. */
export function notesOn(index: PlanIndex, wanted: Wanted, worldSize: number): string[] {
  const compiled = entryFor(index, wanted, worldSize);
  if (!compiled) return [];
  const { from, to } = compiled.entry.measured;
  const beyond = compiled.covers(wanted.bytes)
    ? []
    : [
        `${formatBytes(wanted.bytes)} is outside of what was measured, ${formatBytes(from)} to ${formatBytes(to)}; times go on from there`,
      ];
  return [...compiled.notes, ...beyond].map((note) => `${wanted.operation}: ${note}`);
}

/** What is outside the heap is dispatched as what is inside: copies come on top. */
function entryFor(
  index: PlanIndex,
  { bytes: _, ...key }: Wanted,
  worldSize: number,
): CompiledEntry | undefined {
  return index.entry({ ...key, registered: true, worldSize, mode: 'replay' });
}

/** The candidate of a plan's entry that a variant takes. `serves` tells whether an algorithm can do what is wanted. */
function candidateFor(
  compiled: CompiledEntry,
  variant: VariantName,
  { operation, bytes }: Wanted,
  capBytes: number,
  serves: (algorithm: string) => boolean = () => true,
): Candidate | undefined {
  const { entry } = compiled;
  if (variant === 'plan') {
    const range = entry.ranges.findLast(({ from }) => from <= bytes)!;
    const planned = entry.candidates.find((one) => sameChoice(one, range));
    // What it cannot serve goes to the fastest that can, as calls by a plan do.
    if (!planned || serves(planned.algorithm)) return planned;
  }
  const suits = variant === 'plan' ? () => true : suitsVariant(variant, operation, bytes, capBytes);
  const timed = entry.candidates
    .filter(({ relativeError }) => relativeError === undefined)
    .filter(({ algorithm }) => suits(algorithm) && serves(algorithm))
    .flatMap((candidate) => {
      const us = timeOf(compiled, candidate, bytes);
      return us === undefined ? [] : [{ candidate, us }];
    });
  return timed.reduce<(typeof timed)[number] | undefined>(
    (best, one) => (best === undefined || one.us < best.us ? one : best),
    undefined,
  )?.candidate;
}

function suitsVariant(
  variant: VariantName,
  operation: Operation,
  bytes: number,
  capBytes: number,
): (algorithm: string) => boolean {
  if (variant === 'nccl')
    return (name) => name === (operation === 'all_reduce_rms_norm' ? 'unfused_nccl' : 'nccl');
  if (operation !== 'all_reduce_rms_norm') return () => true;
  const fuse = variant === 'fused' || (variant === 'fused-cap' && bytes <= capBytes);
  return (name) => isUnfused(name) !== fuse;
}

function sameChoice(
  a: Pick<Candidate, 'algorithm' | 'tunables'>,
  b: Pick<Candidate, 'algorithm' | 'tunables'>,
): boolean {
  const names = Object.keys(b.tunables);
  return a.algorithm === b.algorithm && names.every((name) => a.tunables[name] === b.tunables[name]);
}

/** Picks algorithms for one variant, and remembers what it picked. */
export class Chooser {
  readonly #comm: Communicator;
  readonly #index: PlanIndex;
  readonly #variant: VariantName;
  readonly #capBytes: number;
  readonly #made = new Map<string, { choice: Choice | undefined; wanted: Wanted; sites: number }>();

  constructor(comm: Communicator, index: PlanIndex, variant: VariantName, capBytes: number) {
    this.#comm = comm;
    this.#index = index;
    this.#variant = variant;
    this.#capBytes = capBytes;
  }

  /** For steps: counts a site each time it is asked. */
  readonly choose: SiteContext['choose'] = (operation, bytes, dtype, hidden, node, registered) => {
    const wanted: Wanted = { operation, bytes, dtype, ...rowsOf(hidden, node), registered };
    const name = JSON.stringify(wanted);
    let made = this.#made.get(name);
    if (!made) {
      made = { choice: this.#pick(wanted), wanted, sites: 0 };
      this.#made.set(name, made);
    }
    made.sites++;
    return made.choice;
  };

  /** Forgets what was counted: a step that is enqueued anew counts from zero. */
  reset(): void {
    for (const made of this.#made.values()) made.sites = 0;
  }

  /** What was asked since the last reset. */
  get wanted(): readonly (Wanted & { readonly sites: number })[] {
    return [...this.#made.values()]
      .filter(({ sites }) => sites > 0)
      .map(({ wanted, sites }) => ({ ...wanted, sites }));
  }

  get dispatched(): readonly Dispatched[] {
    return [...this.#made.values()].flatMap(({ choice, wanted: { operation, bytes }, sites }) =>
      choice && sites > 0
        ? [
            {
              operation,
              bytes,
              algorithm: choice.algorithm.name,
              tunables: choice.tunables,
              bits: choice.algorithm.bits,
              sites,
            },
          ]
        : [],
    );
  }

  #pick(wanted: Wanted): Choice | undefined {
    const { worldSize } = this.#comm;
    const request: Request = { ...wanted, worldSize };
    const entry = entryFor(this.#index, wanted, worldSize);
    const serves = (name: string): boolean =>
      refusal(algorithmNamed(wanted.operation, name), request, this.#comm.engine) === undefined;
    const found = entry && candidateFor(entry, this.#variant, wanted, this.#capBytes, serves);
    if (found) return this.#comm.choose(request, found.algorithm, found.tunables);
    // What no plan covers (gathering a few candidates of sampling) is dispatched as calls without a plan are, but for NCCL's variant.
    if (this.#variant !== 'nccl') return undefined;
    return this.#comm.choose(request, wanted.operation === 'all_reduce_rms_norm' ? 'unfused_nccl' : 'nccl');
  }
}

function rowsOf(hidden: number | undefined, node: Node): Pick<Wanted, 'hidden' | 'quantization'> {
  if (hidden === undefined) return {};
  const { quantization } = node.operands;
  return { hidden, quantization: typeof quantization === 'string' ? (quantization as Quantization) : 'none' };
}

/** @throws CrossoverError that names what there is */
export function parseVariants(text: string, field: string): VariantName[] {
  const names = text.split(',').map((name) => name.trim());
  for (const name of names) {
    if (!(VARIANTS as readonly string[]).includes(name))
      throw new CrossoverError(`${field} names "${name}"; use some of ${VARIANTS.join(', ')}`);
  }
  return VARIANTS.filter((name) => names.includes(name));
}
