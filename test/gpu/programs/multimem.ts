/**
 * @file The kernels of multicast all-reduce with the switch emulated by loops over peers: the same kernels, meetings and stages, and, since the
 * emulation adds in rank order, the same bits as everything else. The algorithms themselves have to refuse.
 */
import type { Algorithm } from '../../../dist/collective/algorithm.js';
import { algorithmNamed } from '../../../dist/collective/catalog.js';
import type { Group } from '../../../dist/group/group.js';
import { REDUCE_OPS } from '../../../dist/operations.js';
import { dtypeBytes, REDUCIBLE_DTYPES } from '../../../dist/tensor/dtype.js';
import { decodeArray, encodeArray } from '../../../dist/tensor/formats/array.js';
import { allReduceRounded } from '../../../dist/tensor/reference/all-reduce.js';
import { Buffers, take } from '../../collective/support/buffers.ts';
import { elements, FLAVOURS } from '../../collective/support/data.ts';
import type { ProgramData } from '../../collective/support/engines.ts';
import { differs, throwing } from '../../collective/support/expect.ts';
import { type Report, Session } from '../../collective/support/session.ts';

export interface MultimemOptions {
  readonly rounds: number;
}

const NAMES = ['multimem_one_shot', 'multimem_two_shot'];
const COUNTS = [0, 1, 9, 511, 512, 4099, 60_000];

export default function multimem(group: Group, _args: string[], data: ProgramData<MultimemOptions>): Report {
  const session = Session.open(group, data, 26);
  const { comm, shared } = session;
  const x = comm.empty('bf16', [64]);
  for (const name of NAMES) {
    const call = (): unknown => comm.allReduce(x, { algorithm: name });
    session.check(`${name} refuses`, throwing(call, 'multicast is off'));
  }
  for (let round = 0; round < data.options.rounds; round++) {
    const dtype = REDUCIBLE_DTYPES[round % REDUCIBLE_DTYPES.length]!;
    const count = COUNTS[round % COUNTS.length]!;
    const op = shared.pick(REDUCE_OPS);
    const flavour = shared.pick(FLAVOURS);
    const seed = shared.seed();
    const inputs = Array.from({ length: comm.worldSize }, (_, r) =>
      elements(dtype, count, flavour, seed + r),
    );
    const expected = encodeArray(
      dtype,
      allReduceRounded(
        inputs.map((one) => decodeArray(dtype, one)),
        op,
        dtype,
      ),
    );
    const buffers = new Buffers(comm, shared);
    for (const name of NAMES) {
      for (const inPlace of [false, true]) {
        const input = buffers.make(dtype, [count], inputs[comm.rank]!);
        const out = inPlace ? input : buffers.make(dtype, [count]);
        session.skew();
        comm.allReduce(input, { out, op, algorithm: { algorithm: emulated(name), tunables: {} } });
        const [result] = take(out) as [Uint8Array];
        const bytes = count * dtypeBytes(dtype);
        session.check(`${name} ${dtype} ${op} ${bytes} bytes ${flavour}`, differs(dtype, result, expected));
      }
    }
    session.check(`round ${round}`, buffers.free());
  }
  return session.report();
}

/** The algorithm with the kernel that goes round the peers. */
function emulated(name: string): Algorithm {
  return {
    ...algorithmNamed('all_reduce', name),
    enqueue: (engine, launch) => {
      launch.kernel = `all_reduce_${name}_emulated`;
      engine.enqueue(launch);
    },
  };
}
