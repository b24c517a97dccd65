/**
 * @file Where an all-reduce can be fused with what follows it: all-reduce, perhaps + residual, RMSNorm, perhaps a quantization. The forms are rows of
 * norm-forms.ts and quantization-forms.ts, tried from the longest on; misses.ts says why an all-reduce is no site.
 */
import { type Graph, inputsOf, isValue, type Node, tensorOf, type Value } from '../ir/graph.ts';
import { sameType, type TensorType } from '../ir/type.ts';
import { GraphIndex } from './match.ts';
import { unfit, whyNot } from './misses.ts';
import { matchNorm, NORM_FORMS, type NormMatch, normOperands, readNorm } from './norm-forms.ts';
import { matchQuantization, type QuantizationMatch } from './quantization-forms.ts';

/** An all-reduce with what can be fused with it. */
export interface Site {
  readonly allReduce: Node;
  readonly residual: Value | undefined;
  /** The all-reduced, with the residual: what is normalized, before any view. */
  readonly sum: Value;
  readonly norm: NormMatch;
  /** Quantizations of the norm with the same scale; the first one's codes serve all. */
  readonly quantizations: readonly QuantizationMatch[];
  /** Elements of a row. */
  readonly hidden: number;
  /** What to know beside it, a sentence each. */
  readonly notes: readonly string[];
}

/** An all-reduce that is not fused, and why. */
export interface Miss {
  readonly allReduce: Node;
  readonly reason: string;
}

export interface Sites {
  /** The group whose all-reduces are looked at. */
  readonly group: string;
  readonly sites: readonly Site[];
  readonly misses: readonly Miss[];
}

export interface SiteOptions {
  /** The tensor-parallel group as the file names it; by default the one that most all-reduces are of. */
  readonly group?: string | undefined;
}

/** Every all-reduce of a graph, as a site or with the reason why it is none, in the order of the graph. */
export function findSites(graph: Graph, options: SiteOptions = {}): Sites {
  const index = new GraphIndex(graph);
  const allReduces = graph.nodes.filter(({ op }) => op === 'all_reduce');
  const group = options.group ?? mostCommon(allReduces.map(({ operands }) => String(operands.group)));
  const refusals = new Map<Node, string>();
  const found = new Map<Node, Site>();
  for (const norm of norms(graph, index)) {
    const place = placeOf(norm, index);
    if (!place || found.has(place.allReduce)) continue;
    const reason = refusal(place, norm, group, index);
    if (reason !== undefined) refusals.set(place.allReduce, reason);
    else
      found.set(place.allReduce, {
        ...place,
        norm,
        quantizations: [],
        hidden: hiddenOf(place.sum),
        notes: [],
      });
  }
  const quantizations = graph.nodes.flatMap(
    (node) => (index.alive.has(node) && matchQuantization(node, index)) || [],
  );
  return {
    group,
    sites: allReduces
      .flatMap((node) => found.get(node) ?? [])
      .map((site) => withQuantization(site, quantizations, index)),
    misses: allReduces
      .filter((node) => !found.has(node))
      .map((allReduce) => ({
        allReduce,
        reason: refusals.get(allReduce) ?? whyNot(allReduce, group, index),
      })),
  };
}

/** `all_reduce + residual + rms_norm (weight after the cast) + f8e4m3_static`. */
export function formOf({ residual, norm, quantizations }: Site): string {
  const quantization = quantizations[0];
  return [
    'all_reduce',
    ...(residual ? ['residual'] : []),
    `rms_norm (${norm.form})`,
    ...(quantization ? [quantization.quantization] : []),
  ].join(' + ');
}

/** Norms of a graph, the longest forms first. One node ends one norm. */
function* norms(graph: Graph, index: GraphIndex): Generator<NormMatch> {
  const taken = new Set<Node>();
  const nodes = graph.nodes.filter((node) => index.alive.has(node));
  for (const node of nodes) {
    const norm = node.op === 'add_rms_norm' ? addedNorm(node) : readNorm(node);
    if (norm) yield norm;
  }
  for (const form of NORM_FORMS) {
    for (const node of nodes) {
      if (taken.has(node) || !(node.op === 'mul' || node.op === 'cast' || node.op === 'div')) continue;
      const norm = matchNorm(form, node.outputs[0]!, index);
      if (!norm) continue;
      taken.add(node);
      yield norm;
    }
  }
}

/** Of a node that adds the residual itself, `h` is the sum that it gives. */
function addedNorm(node: Node): NormMatch {
  const [out, sum] = node.outputs as [Value, Value];
  return { form: 'one operation with the residual', h: sum, ...normOperands(node), out };
}

type Place = Pick<Site, 'allReduce' | 'residual' | 'sum'>;

/** The all-reduce that a norm's input is, with or without a residual. */
function placeOf(norm: NormMatch, index: GraphIndex): Place | undefined {
  const sum = index.behindViews(norm.h);
  if (!isValue(sum)) return undefined;
  const node = index.maker(sum);
  if (!node) return undefined;
  if (node.op === 'all_reduce') return { allReduce: node, residual: undefined, sum };
  const [a, b] =
    node.op === 'add' ? [node.operands.a, node.operands.b] : [node.operands.x, node.operands.residual];
  if (node.op !== 'add' && node.op !== 'add_rms_norm') return undefined;
  for (const [one, other] of [
    [a, b],
    [b, a],
  ]) {
    const maker = index.maker(index.behindViews(one!));
    // Neither may be broadcast or promoted by the sum: the fused operation has one type.
    const fits = [one, other].every((operand) => isValue(operand) && sameType(operand.type, sum.type));
    if (maker?.op === 'all_reduce' && fits) return { allReduce: maker, residual: other as Value, sum };
  }
  return undefined;
}

/** Why a place with a norm is no site all the same, or undefined. */
function refusal(
  { allReduce, residual, sum }: Place,
  norm: NormMatch,
  group: string,
  index: GraphIndex,
): string | undefined {
  const own = unfit(allReduce, group);
  if (own !== undefined) return own;
  const { dtype, shape } = tensorOf(sum)!;
  if (typeof shape.at(-1) !== 'number') return `the hidden size is ${shape.at(-1)}, which is not known here`;
  const { weight, epsilon, weightBias } = norm;
  if (!(epsilon >= 0)) return "the norm's epsilon is no constant from 0 up";
  if (Number.isNaN(weightBias)) return "what is added to the norm's weight is no constant";
  if (weight && tensorOf(weight)!.dtype !== dtype)
    return `rows are ${dtype} and the norm's weight %${weight.name} is ${tensorOf(weight)!.dtype}; the fused operation needs one dtype`;
  if (weight && dependsOn(weight, sum, index))
    return `the norm's weight %${weight.name} depends on the sum itself`;
  if (!residual) return undefined;
  if (index.behindViews(residual) === allReduce.outputs[0])
    return 'it is added to itself, where a residual would have to be';
  return rawReaders(allReduce, sum, index);
}

/** With a residual nobody may need the all-reduced alone: the fused operation does not give it. */
function rawReaders(allReduce: Node, sum: Value, index: GraphIndex): string | undefined {
  const end = index.maker(sum);
  const pending: Value[] = [allReduce.outputs[0]!];
  for (let value = pending.pop(); value; value = pending.pop()) {
    if (index.uses.isResult(value)) return `its raw result %${value.name} is an output of the graph`;
    for (const reader of index.readers(value)) {
      if (reader === end) continue;
      const view = reader.outputs[0];
      if (view && index.behindViews(view) === allReduce.outputs[0]) pending.push(view);
      else
        return `its raw result is read by ${reader.op}${at(reader)} as well, and the fused operation does not give it`;
    }
  }
  return undefined;
}

export function at({ origin }: Node): string {
  return origin === '' ? '' : ` at ${origin}`;
}

function dependsOn(value: Value, on: Value, index: GraphIndex): boolean {
  const seen = new Set<Value>();
  const pending = [value];
  for (let one = pending.pop(); one; one = pending.pop()) {
    if (one === on) return true;
    if (seen.has(one)) continue;
    seen.add(one);
    const maker = index.maker(one);
    if (maker) pending.push(...inputsOf(maker));
  }
  return false;
}

/** The quantization that most codes are of, and all with the same scale. */
function withQuantization(site: Site, all: readonly QuantizationMatch[], index: GraphIndex): Site {
  const own = all.filter(({ n }) => index.behindViews(n) === site.norm.out);
  const able = own.filter(({ quantization }) => quantization !== 'nvfp4' || site.hidden % 16 === 0);
  const kind = ({ quantization, scale }: QuantizationMatch): string => `${quantization} ${scale ?? ''}`;
  const best = able.length === 0 ? undefined : mostCommon(able.map(kind));
  const quantizations = able.filter((one) => kind(one) === best);
  const others = own.length - quantizations.length;
  const notes = [
    ...new Set(quantizations.flatMap(({ notes }) => notes)),
    ...(others > 0
      ? [
          `${others} more ${others === 1 ? 'quantization' : 'quantizations'} of the norm, by other scales, stay as they are`,
        ]
      : []),
  ];
  return { ...site, quantizations, notes };
}

function hiddenOf(sum: Value): number {
  return (sum.type as TensorType).shape.at(-1) as number;
}

/** The first of those that are there most often; "" of none. */
function mostCommon(names: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  const most = Math.max(0, ...counts.values());
  return [...counts].find(([, count]) => count === most)?.[0] ?? '';
}
