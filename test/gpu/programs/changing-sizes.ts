/**
 * @file Calls of a new size, dtype, algorithm and place each time, none of which waits for the one before, and some of which a rank comes late
 * to. Sums are of whole numbers and so exact; only what comes out last is read.
 */
import type { Group } from '../../../dist/group/group.js';
import { dependable } from '../../collective/support/cases.ts';
import type { ProgramData } from '../../collective/support/engines.ts';
import { type Report, Session } from '../../collective/support/session.ts';

export interface ChangingSizesOptions {
  readonly rounds: number;
}

const MOST = 200_000;
const CALLS = 25;

export default function changingSizes(
  group: Group,
  _args: string[],
  data: ProgramData<ChangingSizesOptions>,
): Report {
  const session = Session.open(group, data, 23);
  const { comm, shared } = session;
  const { worldSize, rank } = comm;
  const input = comm.tensor(
    'bf16',
    [MOST],
    Float64Array.from({ length: MOST }, (_, i) => (i + rank) % 5),
  );
  const output = comm.empty('bf16', [MOST]);
  const request = { operation: 'all_reduce', dtype: 'bf16', worldSize, bytes: 2 * MOST } as const;
  const names = dependable(comm, request).map(({ name }) => name);
  const expected = Float64Array.from({ length: MOST }, (_, i) => {
    let sum = 0;
    for (let r = 0; r < worldSize; r++) sum += (i + r) % 5;
    return sum;
  });
  for (let round = 0; round < data.options.rounds; round++) {
    output.writeBytes(new Uint8Array(output.bytes));
    const written = new Uint8Array(MOST);
    for (let call = 0; call < CALLS; call++) {
      session.skew();
      const count = shared.pick([0, 1, 255, 256, 257, shared.whole(0, 4000), shared.whole(0, MOST)]);
      const from = shared.whole(0, MOST - count);
      const view = { input: input.view(from, [count]), out: output.view(from, [count]) };
      comm.allReduce(view.input, { out: view.out, algorithm: shared.pick(names) });
      written.fill(1, from, from + count);
    }
    const values = output.read();
    const wrong = values.findIndex((value, i) => value !== (written[i] ? expected[i] : 0));
    const problem = wrong < 0 ? undefined : `element ${wrong} is ${values[wrong]}, not ${expected[wrong]}`;
    session.check(`round ${round}`, problem);
  }
  return session.report();
}
