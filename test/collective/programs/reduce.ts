/**
 * @file All-reduce and reduce-scatter: every algorithm, dtype and reduction against the reference, bit for bit.
 */
import type { Bits, Choice, Request } from '../../../dist/collective/algorithm.js';
import { algorithmNamed } from '../../../dist/collective/catalog.js';
import type { Group } from '../../../dist/group/group.js';
import { REDUCE_OPS, type ReduceOp } from '../../../dist/operations.js';
import { dtypeBytes, REDUCIBLE_DTYPES, type ReducibleDType } from '../../../dist/tensor/dtype.js';
import { decodeArray, encodeArray } from '../../../dist/tensor/formats/array.js';
import { allReduceRounded } from '../../../dist/tensor/reference/all-reduce.js';
import { Buffers, take } from '../support/buffers.ts';
import { choiceLabel, choices, largeCounts, SMALL_COUNTS } from '../support/cases.ts';
import { elements, FLAVOURS, type Flavour } from '../support/data.ts';
import type { ProgramData } from '../support/engines.ts';
import { differs } from '../support/expect.ts';
import { implausible, isSum, outOfBounds } from '../support/ring.ts';
import { type Report, Session } from '../support/session.ts';

export interface ReduceOptions {
  /** How many small problems are solved; 144 are every dtype, reduction and small size. */
  readonly small: number;
  /** How many large ones. */
  readonly large: number;
}

/** One set of inputs, which all algorithms get. */
interface Problem {
  readonly dtype: ReducibleDType;
  readonly op: ReduceOp;
  readonly count: number;
  readonly flavour: Flavour;
  /** This rank's input. */
  readonly own: Uint8Array;
  /** All ranks' inputs, on rank 0 only: the reference is slow. */
  readonly inputs: readonly Float64Array[];
  readonly expected: Uint8Array;
}

export default function reduce(group: Group, _args: string[], data: ProgramData<ReduceOptions>): Report {
  const session = Session.open(group, data, 11);
  const { shared } = session;
  const { large, small } = data.options;
  const combinations = REDUCIBLE_DTYPES.flatMap((dtype) => REDUCE_OPS.map((op) => [dtype, op] as const));
  for (let i = 0; i < small; i++) {
    const [dtype, op] = combinations[i % combinations.length]!;
    const round = Math.floor(i / combinations.length);
    solve(session, dtype, op, SMALL_COUNTS[(i + round) % SMALL_COUNTS.length]!);
  }
  for (let i = 0; i < large; i++) {
    const dtype = REDUCIBLE_DTYPES[i % REDUCIBLE_DTYPES.length]!;
    const counts = largeCounts(dtypeBytes(dtype));
    // From the largest down, so that a few are the interesting ones.
    solve(session, dtype, shared.pick(REDUCE_OPS), counts[counts.length - 1 - (i % counts.length)]!);
  }
  return session.report();
}

function solve(session: Session, dtype: ReducibleDType, op: ReduceOp, size: number): void {
  const { comm } = session;
  // Whole parts for reduce-scatter; all-reduce gets what is over as well.
  const part = Math.ceil(size / comm.worldSize);
  allReduceAll(session, makeProblem(session, dtype, op, size));
  reduceScatterAll(session, makeProblem(session, dtype, op, part * comm.worldSize));
}

function makeProblem(
  { comm, shared, isFirst }: Session,
  dtype: ReducibleDType,
  op: ReduceOp,
  count: number,
): Problem {
  const flavour = shared.pick(FLAVOURS);
  const seed = shared.seed();
  const input = (rank: number): Uint8Array => elements(dtype, count, flavour, seed + rank);
  const ranks = isFirst ? Array.from({ length: comm.worldSize }, (_, rank) => rank) : [];
  const inputs = ranks.map((rank) => decodeArray(dtype, input(rank)));
  const expected = isFirst ? encodeArray(dtype, allReduceRounded(inputs, op, dtype)) : new Uint8Array();
  return { dtype, op, count, flavour, own: input(comm.rank), inputs, expected };
}

function requestFor({ comm }: Session, operation: Request['operation'], { dtype, own }: Problem): Request {
  return { operation, dtype, worldSize: comm.worldSize, bytes: own.length };
}

function allReduceAll(session: Session, problem: Problem): void {
  const { comm, shared } = session;
  const { dtype, op, count, own } = problem;
  const buffers = new Buffers(comm, shared);
  for (const algorithm of choices(comm, shared, requestFor(session, 'all_reduce', problem))) {
    for (const inPlace of [true, false]) {
      const x = buffers.make(dtype, [count], own);
      const out = inPlace ? x : buffers.make(dtype, [count]);
      session.skew();
      comm.allReduce(x, { out, op, algorithm });
      const [result, left] = take(out, x) as [Uint8Array, Uint8Array];
      const label = nameOf(comm.worldSize, 'all_reduce', algorithm, problem, inPlace);
      if (bitsOf('all_reduce', algorithm) === 'unspecified') {
        // Ranks may differ, and so each is judged.
        const results = comm.group.gather(result);
        for (const [rank, one] of session.isFirst ? results.entries() : [])
          session.check(`${label} rank ${rank}`, judge(problem, 'all_reduce', algorithm, one, 0, count));
      } else {
        session.sameOnAllRanks(label, dtype, result);
        if (session.isFirst) session.check(label, judge(problem, 'all_reduce', algorithm, result, 0, count));
      }
      if (!inPlace) session.check(`${label}, input`, differs(dtype, left, own));
    }
  }
  session.check(nameOf(comm.worldSize, 'all_reduce', '', problem, false), buffers.free());
}

function reduceScatterAll(session: Session, problem: Problem): void {
  const { comm, shared } = session;
  const { dtype, op, count } = problem;
  const part = count / comm.worldSize;
  const buffers = new Buffers(comm, shared);
  for (const algorithm of choices(comm, shared, requestFor(session, 'reduce_scatter', problem))) {
    for (const inPlace of [true, false]) {
      const x = buffers.make(dtype, [count], problem.own);
      const out = inPlace ? x.view(comm.rank * part, [part]) : buffers.make(dtype, [part]);
      session.skew();
      comm.reduceScatter(x, out, { op, algorithm });
      const [own, left] = take(out, x) as [Uint8Array, Uint8Array];
      const label = nameOf(comm.worldSize, 'reduce_scatter', algorithm, problem, inPlace);
      // Parts come together on rank 0, which knows what they have to be.
      const parts = comm.group.gather(own);
      if (session.isFirst) {
        const result = Uint8Array.from(Buffer.concat(parts));
        session.check(label, judge(problem, 'reduce_scatter', algorithm, result, 0, count));
      }
      const input = Uint8Array.from(problem.own);
      if (inPlace) input.set(own, comm.rank * out.bytes);
      session.check(`${label}, input`, differs(dtype, left, input));
    }
  }
  session.check(nameOf(comm.worldSize, 'reduce_scatter', '', problem, false), buffers.free());
}

/** What is wrong with elements `from` to `to` of a result. */
function judge(
  { dtype, op, inputs, expected }: Problem,
  operation: Request['operation'],
  choice: string | Choice,
  result: Uint8Array,
  from: number,
  to: number,
): string | undefined {
  const bits = bitsOf(operation, choice);
  const cut = inputs.map((input) => input.subarray(from, to));
  if (bits === 'unspecified') return implausible(dtype, op, decodeArray(dtype, result), cut);
  if (bits === 'rank-consistent' && isSum(op)) return outOfBounds(dtype, op, decodeArray(dtype, result), cut);
  const size = dtypeBytes(dtype);
  return differs(dtype, result, expected.subarray(from * size, to * size));
}

function bitsOf(operation: Request['operation'], choice: string | Choice): Bits {
  return (typeof choice === 'string' ? algorithmNamed(operation, choice) : choice.algorithm).bits;
}

function nameOf(
  ranks: number,
  operation: string,
  choice: string | Choice,
  problem: Problem,
  inPlace: boolean,
): string {
  const { dtype, op, count, flavour } = problem;
  return `x${ranks} ${operation} ${choiceLabel(choice)} ${dtype} ${op} ${count} ${flavour}${inPlace ? ' in place' : ''}`;
}
