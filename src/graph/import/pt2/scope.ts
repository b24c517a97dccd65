/**
 * @file Names of a graph that stands inside another one. Regions that only say "without gradients" are opened: their nodes become nodes of the graph
 * around them, with names that are unique there.
 */
import { type Argument, isList, isReference, type Reference, type SourceOperand } from './argument.ts';
import type { Json } from './json.ts';

/** Regions in regions deeper than this are left closed. */
const MAX_DEPTH = 16;

export class Scope {
  /** What names mean that this graph has from outside, or that regions in it gave. */
  readonly #meanings = new Map<string, SourceOperand>();
  readonly #prefix: string;
  readonly depth: number;

  constructor(prefix = '', depth = 0) {
    this.#prefix = prefix;
    this.depth = depth;
  }

  /** The scope of a region. @param node name of the node that opens it, in the whole graph */
  inside(node: string): Scope {
    return new Scope(`${node}.`, this.depth + 1);
  }

  get isDeepest(): boolean {
    return this.depth >= MAX_DEPTH;
  }

  bind(name: string, meaning: SourceOperand): void {
    this.#meanings.set(name, meaning);
  }

  /** A name that this graph makes, as the whole graph has it. */
  own({ reference, json }: Reference): Reference {
    return { reference: this.#prefix + reference, json };
  }

  /** An operand with names as the whole graph has them. */
  resolve(operand: SourceOperand): SourceOperand {
    if (isList(operand)) return operand.map((one) => this.resolve(one));
    if (!isReference(operand)) return operand;
    const meaning = this.#meanings.get(operand.reference);
    if (meaning === undefined) return this.own(operand);
    // The name stands where it is read, for messages.
    return isReference(meaning) ? { reference: meaning.reference, json: operand.json } : meaning;
  }
}

/** A region to open: its graph, and what it is given. */
export interface Region {
  readonly graph: Json;
  readonly given: readonly SourceOperand[];
}

/**
 * What a node calls that changes nothing but how gradients are kept, or that switches automatic casts off where none are on.
 * @param args resolved, in order @param json the node
 */
export function regionOf(target: string, args: readonly Argument[], json: Json): Region | undefined {
  let at: number;
  if (target === 'torch.ops.higher_order.wrap_with_set_grad_enabled') at = 1;
  // Device, dtype, whether it is on, whether casts are kept.
  else if (target === 'torch.ops.higher_order.wrap_with_autocast' && args[2]?.operand === false) at = 4;
  else return undefined;
  if (args[at]?.kind !== 'as_graph') return undefined;
  const graph = json.field('inputs').list()[at]!.field('arg').field('as_graph').field('graph');
  return { graph, given: args.slice(at + 1).map(({ operand }) => operand) };
}
