/**
 * @file All-gather and broadcast: every algorithm and dtype, byte for byte, from every root.
 */
import type { Group } from '../../../dist/group/group.js';
import { DTYPES, type DType, dtypeBytes } from '../../../dist/tensor/dtype.js';
import { Buffers, take } from '../support/buffers.ts';
import { choiceLabel, choices, largeCounts, SMALL_COUNTS } from '../support/cases.ts';
import { elements } from '../support/data.ts';
import type { ProgramData } from '../support/engines.ts';
import { differs } from '../support/expect.ts';
import { type Report, Session } from '../support/session.ts';

export interface MoveOptions {
  readonly small: number;
  readonly large: number;
}

export default function move(group: Group, _args: string[], data: ProgramData<MoveOptions>): Report {
  const session = Session.open(group, data, 12);
  for (let i = 0; i < data.options.small; i++) {
    const count = SMALL_COUNTS[(i + Math.floor(i / DTYPES.length)) % SMALL_COUNTS.length]!;
    moveAll(session, DTYPES[i % DTYPES.length]!, count, i);
  }
  for (let i = 0; i < data.options.large; i++) {
    const dtype = DTYPES[i % DTYPES.length]!;
    const counts = largeCounts(dtypeBytes(dtype));
    moveAll(session, dtype, counts[(i * 4 + 3) % counts.length]!, i);
  }
  return session.report();
}

function moveAll(session: Session, dtype: DType, count: number, i: number): void {
  const { comm, shared } = session;
  const seed = shared.seed();
  const flavour = shared.pick(['special', 'ones'] as const);
  // Every rank can tell what every other one holds.
  const inputs = Array.from({ length: comm.worldSize }, (_, rank) =>
    elements(dtype, count, flavour, seed + rank),
  );
  allGatherAll(session, dtype, inputs);
  broadcastAll(session, dtype, inputs, shared.pick([i % comm.worldSize, comm.worldSize - 1]));
}

function allGatherAll(session: Session, dtype: DType, inputs: readonly Uint8Array[]): void {
  const { comm, shared } = session;
  const own = inputs[comm.rank]!;
  const part = own.length / dtypeBytes(dtype);
  const expected = Uint8Array.from(Buffer.concat(inputs));
  const buffers = new Buffers(comm, shared);
  const request = {
    operation: 'all_gather',
    dtype,
    worldSize: comm.worldSize,
    bytes: expected.length,
  } as const;
  for (const algorithm of choices(comm, shared, request)) {
    for (const inPlace of [true, false]) {
      const out = buffers.make(dtype, [part * comm.worldSize]);
      const x = inPlace ? out.view(comm.rank * part, [part]) : buffers.make(dtype, [part]);
      x.writeBytes(own);
      session.skew();
      comm.allGather(x, out, { algorithm });
      const [all, left] = take(out, x) as [Uint8Array, Uint8Array];
      const label = `x${comm.worldSize} all_gather ${choiceLabel(algorithm)} ${dtype} ${part}${inPlace ? ' in place' : ''}`;
      session.check(label, differs('i8', all, expected));
      session.check(`${label}, input`, differs('i8', left, own));
    }
  }
  session.check('all_gather', buffers.free());
}

function broadcastAll(session: Session, dtype: DType, inputs: readonly Uint8Array[], root: number): void {
  const { comm, shared } = session;
  const own = inputs[comm.rank]!;
  const count = own.length / dtypeBytes(dtype);
  const buffers = new Buffers(comm, shared);
  const request = { operation: 'broadcast', dtype, worldSize: comm.worldSize, bytes: own.length } as const;
  for (const algorithm of choices(comm, shared, request)) {
    for (const inPlace of [true, false]) {
      const x = buffers.make(dtype, [count], own);
      const out = inPlace ? x : buffers.make(dtype, [count]);
      session.skew();
      comm.broadcast(x, root, { algorithm, out });
      const [result, left] = take(out, x) as [Uint8Array, Uint8Array];
      const label = `x${comm.worldSize} broadcast ${choiceLabel(algorithm)} ${dtype} ${count} from ${root}${inPlace ? ' in place' : ''}`;
      session.check(label, differs('i8', result, inputs[root]!));
      if (!inPlace) session.check(`${label}, input`, differs('i8', left, own));
    }
  }
  session.check('broadcast', buffers.free());
}
