/**
 * @file The reference executor: runs a graph in TypeScript, on one rank or several, with the roundings that the model's framework has. It is slow and plain,
 * and what passes are checked against: a graph and its transformed one must give the same.
 *
 * Ranks run in lockstep, node by node, so that they meet in collectives without waiting for each other. Only what outputs depend on is run.
 */
import { CrossoverError } from '../../errors.ts';
import type { Graph, Node } from '../ir/graph.ts';
import { nodeText } from '../ir/verify.ts';
import type { Held, Result } from './array.ts';
import type { Call } from './call.ts';
import { type Groups, groupsNamed } from './groups.ts';
import type { InputValue } from './inputs.ts';
import { collectiveOf, isRunnable, localOf } from './operations.ts';
import { copied, Rank, type RankInputs, SharedWeights } from './rank.ts';
import type { Precision } from './rounding.ts';
import { scheduleOf } from './schedule.ts';

export interface ExecuteOptions {
  /** `float32` by default. With `float64` values of f32, f16 and bf16 are not rounded, nor are sums over ranks. */
  readonly precision?: Precision | undefined;
  /** For each rank, weights that stand in for those of the file, by name: for shards. */
  readonly weights?: readonly (ReadonlyMap<string, InputValue> | undefined)[] | undefined;
  /** Who meets in the groups that collectives name; all ranks where a name is missing. */
  readonly groups?: Groups | undefined;
}

/** What one rank gives, in the order of the graph's outputs: tensors, numbers, lists of them. */
export type RankOutputs = readonly Held[];

/**
 * Runs a graph.
 * @param inputs for each rank, what the graph asks its caller for, by name
 * @returns for each rank, the graph's outputs; arrays are the caller's own
 * @throws CrossoverError that names the input or the node, with its shapes, at fault; for an operation that is unknown here and that an output needs,
 *   before anything is run
 */
export function execute(
  graph: Graph,
  inputs: readonly RankInputs[],
  options: ExecuteOptions = {},
): RankOutputs[] {
  const { precision = 'float32', weights = [], groups = {} } = options;
  if (inputs.length === 0) throw new CrossoverError('inputs is empty; give a record for each rank');
  if (weights.length > inputs.length)
    throw new CrossoverError(`weights are given for ${weights.length} ranks; there are ${inputs.length}`);
  const { steps } = scheduleOf(graph);
  for (const { node } of steps) if (!isRunnable(node.op)) refuse(node);

  const shared = new SharedWeights(graph);
  const ranks = inputs.map((given, rank) => {
    const own = weights[rank] ?? new Map<string, InputValue>();
    return new Rank(graph, given, { shared, own }, precision, inputs.length === 1 ? '' : ` of rank ${rank}`);
  });
  for (const { node, done } of steps) {
    run(node, ranks, groups);
    for (const rank of ranks) rank.drop(done);
  }
  return ranks.map((rank) => graph.outputs.map((operand) => copied(rank.resolve(operand))));
}

function refuse(node: Node): never {
  const origin = node.origin === '' ? '' : ` at ${node.origin}`;
  throw new CrossoverError(
    `operation "${node.op}"${origin} is unknown; the reference executor cannot run it`,
  );
}

function run(node: Node, ranks: readonly Rank[], groups: Groups): void {
  const collective = collectiveOf(node.op);
  if (!collective) {
    const local = localOf(node.op);
    for (const [number, rank] of ranks.entries()) {
      const who = ranks.length === 1 ? '' : ` on rank ${number}`;
      blaming(node, who, (told) => {
        const result = local(told(rank.call(node)));
        rank.keep(node, isList(result) ? result : [result]);
      });
    }
    return;
  }
  blaming(node, '', (told) => {
    const calls = ranks.map((rank) => rank.call(node));
    for (const members of groupsNamed(groups, calls[0]!.text('group', ''), ranks.length)) {
      told(calls[members[0]!]!);
      const results = collective(members.map((member) => calls[member]!));
      for (const [i, member] of members.entries()) ranks[member]!.keep(node, results[i]!);
    }
  });
}

function isList(result: Result | readonly Result[]): result is readonly Result[] {
  return Array.isArray(result);
}

/** What is thrown inside names the node, and the operands that it was told of. */
function blaming(node: Node, who: string, action: (told: (call: Call) => Call) => void): void {
  let call: Call | undefined;
  try {
    action((one) => {
      call = one;
      return one;
    });
  } catch (cause) {
    if (!(cause instanceof CrossoverError)) throw cause;
    const operands = call?.describe() ?? '';
    const of = operands === '' ? '' : ` of ${operands}`;
    throw new CrossoverError(`${nodeText(node)}${of}${who}: ${cause.message}`, { cause });
  }
}
