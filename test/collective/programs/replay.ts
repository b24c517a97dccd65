/**
 * @file Recordings: replaying gives what calling gives, in any mixture with calls and with other recordings.
 *
 * There are two worlds of tensors, filled alike. In one everything is called, in the other what can be is recorded and replayed.
 */
import type { Communicator } from '../../../dist/collective/communicator.js';
import type { Group } from '../../../dist/group/group.js';
import type { Tensor } from '../../../dist/memory/tensor.js';
import { type DType, REDUCIBLE_DTYPES } from '../../../dist/tensor/dtype.js';
import { Buffers } from '../support/buffers.ts';
import { elements } from '../support/data.ts';
import type { ProgramData } from '../support/engines.ts';
import { differs } from '../support/expect.ts';
import { type Report, Session } from '../support/session.ts';
import { type RandomStep, randomStep } from '../support/steps.ts';

export interface ReplayOptions {
  readonly rounds: number;
}

const COUNTS = [1, 17, 300, 5000, 30_000];

export default function replay(group: Group, _args: string[], data: ProgramData<ReplayOptions>): Report {
  const session = Session.open(group, data, 15);
  for (let round = 0; round < data.options.rounds; round++) compareWorlds(session, round);
  return session.report();
}

function compareWorlds(session: Session, round: number): void {
  const { comm, shared } = session;
  const dtype = REDUCIBLE_DTYPES[round % REDUCIBLE_DTYPES.length]!;
  const size = shared.pick(COUNTS);
  const buffers = new Buffers(comm, shared);
  const contents = Array.from({ length: 4 }, () => shared.seed());
  const make = (): Tensor[] =>
    contents.map((seed) =>
      buffers.make(
        dtype,
        [size * comm.worldSize],
        elements(dtype, size * comm.worldSize, 'normal', seed + comm.rank),
      ),
    );
  const called = make();
  const replayed = make();

  // Three sequences; each is recorded over the second world before anything has run in it.
  const sequences = Array.from({ length: 3 }, () => randomSequence(session, dtype, size));
  const recordings = sequences.map((steps) => comm.capture(() => runAll(comm, steps, replayed)));
  for (let i = 0; i < 8; i++) {
    const which = shared.whole(0, sequences.length - 1);
    const times = shared.pick([0, 1, 1, 2, 5]);
    for (let k = 0; k < times; k++) runAll(comm, sequences[which]!, called);
    session.skew();
    if (shared.chance(0.3)) for (let k = 0; k < times; k++) runAll(comm, sequences[which]!, replayed);
    else recordings[which]!.replay(times);
  }
  for (const [i, x] of called.entries()) {
    const label = `x${comm.worldSize} round ${round}, ${dtype}, tensor ${i}`;
    session.check(label, differs(dtype, replayed[i]!.readBytes(), x.readBytes()));
    session.sameOnAllRanks(`${label}: called`, dtype, sharedPart(x, comm));
  }
  for (const recording of recordings) recording.close();
  session.check(`round ${round}`, buffers.free());
}

/** Tensor contents differ from rank to rank unless a collective wrote them; one more makes them comparable. */
function sharedPart(x: Tensor, comm: Communicator): Uint8Array {
  return comm.allReduce(x, { op: 'max' }).readBytes();
}

function randomSequence(session: Session, dtype: DType, size: number): RandomStep[] {
  return Array.from({ length: session.shared.whole(0, 6) }, () => randomStep(session, dtype, size));
}

function runAll(comm: Communicator, steps: readonly RandomStep[], tensors: readonly Tensor[]): void {
  for (const step of steps) step(comm, tensors);
}
