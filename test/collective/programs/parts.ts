/**
 * @file Unequal parts of all-gather and reduce-scatter: every algorithm, with empty parts, everything on one rank, and odd places.
 */
import { algorithmNamed } from '../../../dist/collective/catalog.js';
import type { Group } from '../../../dist/group/group.js';
import type { Tensor } from '../../../dist/memory/tensor.js';
import { REDUCE_OPS } from '../../../dist/operations.js';
import { DTYPES, type DType, dtypeBytes, REDUCIBLE_DTYPES } from '../../../dist/tensor/dtype.js';
import { decodeArray, encodeArray } from '../../../dist/tensor/formats/array.js';
import { allReduceRounded } from '../../../dist/tensor/reference/all-reduce.js';
import { Buffers, GUARD, take } from '../support/buffers.ts';
import { choiceLabel, choices } from '../support/cases.ts';
import { elements, FLAVOURS } from '../support/data.ts';
import type { ProgramData } from '../support/engines.ts';
import { differs, throwing } from '../support/expect.ts';
import { implausible } from '../support/ring.ts';
import { type Report, Session } from '../support/session.ts';

export interface PartsOptions {
  readonly cases: number;
  /** Elements of a part at most. */
  readonly most: number;
}

export default function parts(group: Group, _args: string[], data: ProgramData<PartsOptions>): Report {
  const session = Session.open(group, data, 31);
  refuse(session);
  for (let i = 0; i < data.options.cases; i++) {
    gather(session, DTYPES[i % DTYPES.length]!, draw(session, i, data.options.most));
    scatter(session, REDUCIBLE_DTYPES[i % REDUCIBLE_DTYPES.length]!, draw(session, i, data.options.most));
  }
  return session.report();
}

/** Parts of all kinds in turn: everything on the first rank, on the last, one rank left out, whole packs, and any at all. */
function draw({ comm, shared }: Session, i: number, most: number): readonly number[] {
  const size = (): number => shared.whole(1, shared.pick([3, 40, most]));
  const drawn = Array.from({ length: comm.worldSize }, size);
  const last = comm.worldSize - 1;
  switch (i % 5) {
    case 0:
      return drawn.map((part, rank) => (rank === 0 ? part : 0));
    case 1:
      return drawn.map((part, rank) => (rank === last ? part : 0));
    case 2:
      return drawn.map((part, rank) => (rank === i % comm.worldSize ? 0 : part));
    case 3:
      return drawn.map((part) => part * 16);
    default:
      return drawn;
  }
}

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

function gather(session: Session, dtype: DType, parts: readonly number[]): void {
  const { comm, shared } = session;
  const count = parts[comm.rank]!;
  const begin = sum(parts.slice(0, comm.rank));
  const seed = shared.seed();
  const flavour = shared.pick(['special', 'ones'] as const);
  const inputs = parts.map((part, rank) => elements(dtype, part, flavour, seed + rank));
  const expected = Uint8Array.from(Buffer.concat(inputs));
  const own = inputs[comm.rank]!;
  const buffers = new Buffers(comm, shared);
  const request = {
    operation: 'all_gather',
    dtype,
    worldSize: comm.worldSize,
    bytes: expected.length,
  } as const;
  for (const algorithm of choices(comm, shared, request)) {
    for (const inPlace of [true, false]) {
      const out = buffers.make(dtype, [sum(parts)]);
      const room = buffers.make(dtype, [Math.max(...parts)]);
      const x = inPlace ? out.view(begin, [count]) : room.view(0, [count]);
      x.writeBytes(own);
      session.skew();
      comm.allGather(x, out, { algorithm, parts });
      const [all, left] = take(out, x) as [Uint8Array, Uint8Array];
      const label = `x${comm.worldSize} all_gather ${choiceLabel(algorithm)} ${dtype} [${parts}]${inPlace ? ' in place' : ''}`;
      session.check(label, differs(dtype, all, expected));
      session.check(`${label}, input`, differs(dtype, left, own));
      session.check(`${label}, behind the part`, changed(room, count));
    }
  }
  session.check('all_gather', buffers.free());
}

function scatter(session: Session, dtype: (typeof REDUCIBLE_DTYPES)[number], parts: readonly number[]): void {
  const { comm, shared } = session;
  const op = shared.pick(REDUCE_OPS);
  const whole = sum(parts);
  const begin = sum(parts.slice(0, comm.rank));
  const count = parts[comm.rank]!;
  const flavour = shared.pick(FLAVOURS);
  const seed = shared.seed();
  const inputs = parts.map((_, rank) => elements(dtype, whole, flavour, seed + rank));
  const size = dtypeBytes(dtype);
  const values = inputs.map((input) => decodeArray(dtype, input));
  const own = values.map((input) => input.subarray(begin, begin + count));
  const reduced = allReduceRounded(values, op, dtype);
  const expected = encodeArray(dtype, reduced).subarray(begin * size, (begin + count) * size);
  const buffers = new Buffers(comm, shared);
  const bytes = whole * size;
  const request = { operation: 'reduce_scatter', dtype, worldSize: comm.worldSize, bytes } as const;
  for (const algorithm of choices(comm, shared, request)) {
    for (const inPlace of [true, false]) {
      const x = buffers.make(dtype, [whole], inputs[comm.rank]!);
      const room = buffers.make(dtype, [Math.max(...parts)]);
      const out = inPlace ? x.view(begin, [count]) : room.view(0, [count]);
      session.skew();
      comm.reduceScatter(x, out, { op, algorithm, parts });
      const [result, left] = take(out, x) as [Uint8Array, Uint8Array];
      const label = `x${comm.worldSize} reduce_scatter ${choiceLabel(algorithm)} ${dtype} ${op} ${flavour} [${parts}]${inPlace ? ' in place' : ''}`;
      const { bits } =
        typeof algorithm === 'string' ? algorithmNamed('reduce_scatter', algorithm) : algorithm.algorithm;
      const wrong =
        bits === 'unspecified'
          ? implausible(dtype, op, decodeArray(dtype, result), own)
          : differs(dtype, result, expected);
      session.check(label, wrong);
      const input = Uint8Array.from(inputs[comm.rank]!);
      if (inPlace) input.set(result, begin * size);
      session.check(`${label}, input`, differs(dtype, left, input));
      session.check(`${label}, behind the part`, changed(room, count));
    }
  }
  session.check('reduce_scatter', buffers.free());
}

/** All ranks make room for the longest part; what is behind a shorter one has to stay as it was made. */
function changed(room: Tensor, count: number): string | undefined {
  const behind = room.readBytes().subarray(count * dtypeBytes(room.dtype));
  return behind.every((byte) => byte === GUARD) ? undefined : 'bytes changed';
}

function refuse(session: Session): void {
  const { comm } = session;
  const ranks = comm.worldSize;
  const out = comm.empty('f32', [ranks + 2]);
  const x = comm.empty('f32', [3]);
  const uneven = Array.from({ length: ranks }, (_, rank) => (rank === 0 ? 3 : 1));
  const has = `out [${ranks + 2}] has ${ranks + 2} elements`;
  const call = (list: unknown): (() => void) => {
    return () => comm.allGather(x, out, { parts: list as number[] });
  };
  const cases: [() => void, string][] = [
    [call([]), `parts is []; give the elements of each of ${ranks} ranks`],
    [call(5), `parts is 5; give the elements of each of ${ranks} ranks`],
    [call(uneven.map((part) => part + 1)), `parts add up to ${2 * ranks + 2}; ${has}`],
    [call(uneven.map((part) => -part)), 'parts[0] is -3; use a whole number of elements from 0 up'],
    [call(uneven.map((part) => part / 2)), 'parts[0] is 1.5; use a whole number of elements from 0 up'],
    [
      () => comm.allGather(comm.empty('f32', [5]), out, { parts: uneven }),
      `x [5] has 5 elements, must have ${uneven[comm.rank]} (parts[${comm.rank}])`,
    ],
    [
      () => comm.reduceScatter(out, comm.empty('f32', [5]), { parts: uneven }),
      `out [5] has 5 elements, must have ${uneven[comm.rank]} (parts[${comm.rank}])`,
    ],
    [
      () => comm.reduceScatter(x.view(0, [2]), out, { parts: uneven }),
      `parts add up to ${ranks + 2}; x [2] has 2 elements`,
    ],
  ];
  for (const [body, message] of cases) session.check(message, throwing(body, message));
  // The CUDA engine does not go on after ranks have disagreed; test/gpu has its faults.
  if (ranks < 2 || comm.engine.name === 'cuda') return;
  // Lengths of parts are compared as everything else that ranks have to have in common.
  const swapped = [1, 1, ...uneven.slice(2)];
  swapped[ranks - 1] = ranks === 2 ? 3 : swapped[ranks - 1]! + 2;
  const own = comm.rank === ranks - 1 ? swapped : uneven;
  const source = comm.empty('f32', [ranks + 2]).view(0, [own[comm.rank]!]);
  session.check(
    'other parts on the last rank',
    throwing(
      () => comm.allGather(source, out, { parts: own }),
      `but parts is ${uneven.join(' ')} on rank 0 and ${swapped.join(' ')} on rank ${ranks - 1}`,
      'MismatchError',
    ),
  );
}
