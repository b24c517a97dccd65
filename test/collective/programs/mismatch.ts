/**
 * @file Ranks that disagree. Every scenario has to give the same error on every rank and to leave outputs alone, and the next right call has
 * to work as if nothing had been.
 */
import type { NormOperands } from '../../../dist/collective/fused.js';
import type { Group } from '../../../dist/group/group.js';
import type { Tensor } from '../../../dist/memory/tensor.js';
import type { ProgramData } from '../support/engines.ts';
import { throwing } from '../support/expect.ts';
import { type Report, Session } from '../support/session.ts';

const COUNT = 64;
const CONTENT = 3;

/** What all ranks call but the last, what the last one calls, and what they are told. */
type Scenario = readonly [name: string, most: () => void, last: () => void, message: string | RegExp];

export default function mismatch(group: Group, _args: string[], data: ProgramData): Report {
  const session = Session.open(group, data, 19);
  const { comm } = session;
  const last = comm.worldSize - 1;
  const tensors = Array.from({ length: 4 }, () =>
    comm.tensor('f32', [COUNT], new Float64Array(COUNT).fill(CONTENT)),
  );
  const half = comm.tensor('f16', [COUNT], new Float64Array(COUNT).fill(CONTENT));
  for (const [name, mostCall, lastCall, message] of scenarios(session, tensors, half)) {
    session.skew();
    const call = comm.rank === last ? lastCall : mostCall;
    session.check(name, throwing(call, message, 'MismatchError'));
    const touched = [...tensors, half].some((x) => x.read().some((value) => value !== CONTENT));
    session.check(name, touched ? 'an operand was written' : undefined);
    // And on with it.
    const x = comm.tensor('f32', [COUNT], new Float64Array(COUNT).fill(comm.rank));
    const sum = comm.allReduce(x, { algorithm: 'one_shot' }).read()[0];
    session.check(`after ${name}`, sum === (last * comm.worldSize) / 2 ? undefined : `the sum is ${sum}`);
    x.free();
  }
  return session.report();
}

function scenarios({ comm, shared }: Session, [x, y, z, w]: Tensor[], half: Tensor): Scenario[] {
  const last = comm.worldSize - 1;
  const a = x!;
  const reduce = (algorithm: string): (() => void) => {
    return () => comm.allReduce(a, { out: y, algorithm });
  };
  const fused = (changes: Partial<NormOperands>, algorithm = 'two_shot'): (() => void) => {
    const operands = { input: a.view(0, [4, 16]), epsilon: 1e-6, out: y!, ...changes };
    return () => comm.allReduceRmsNorm(operands, { algorithm });
  };
  const recorded = comm.capture(reduce('two_shot'));
  const recordedOther = comm.capture(() => comm.allReduce(a, { out: y, op: 'max', algorithm: 'two_shot' }));
  const chunks = (bytes: number): (() => void) => {
    const request = {
      operation: 'all_reduce',
      dtype: 'f32',
      worldSize: comm.worldSize,
      bytes: 4 * COUNT,
    } as const;
    const algorithm = comm.choose(request, 'one_shot', { chunk_bytes: bytes });
    return () => comm.allReduce(a, { out: y, algorithm });
  };
  const who = `; rank ${last} calls`;
  return [
    [
      'count',
      reduce('two_shot'),
      () => comm.allReduce(a.view(0, [7]), { out: y!.view(0, [7]), algorithm: 'two_shot' }),
      `rank 0 calls all_reduce_two_shot f32 64 elements (sum, input @0, output @256)${who} all_reduce_two_shot f32 7 elements (sum, input @0, output @256)`,
    ],
    [
      'dtype',
      reduce('two_shot'),
      () => comm.allReduce(half, { algorithm: 'two_shot' }),
      `${who} all_reduce_two_shot f16`,
    ],
    [
      'reduction',
      reduce('one_shot'),
      () => comm.allReduce(a, { out: y, op: 'max', algorithm: 'one_shot' }),
      /elements \(sum, .* elements \(max, /,
    ],
    ['algorithm', reduce('ring'), reduce('one_shot'), `${who} all_reduce_one_shot`],
    [
      'tensor',
      reduce('two_shot'),
      () => comm.allReduce(a, { out: z, algorithm: 'two_shot' }),
      'output @512)',
    ],
    ['chunk_bytes', chunks(64), chunks(128), `but chunk_bytes is 64 on rank 0 and 128 on rank ${last}`],
    ['operation', reduce('two_shot'), () => comm.broadcast(a, 0, { out: y }), `${who} broadcast_direct`],
    [
      'root',
      () => comm.broadcast(a, 0, { out: y, algorithm: 'staged' }),
      () => comm.broadcast(a, 1, { out: y, algorithm: 'staged' }),
      /\(root 0, .*\(root 1, /,
    ],
    [
      'in place',
      () => comm.allGather(a.view(0, [8]), y!.view(0, [8 * comm.worldSize])),
      () => comm.allGather(y!.view(8 * last, [8]), y!.view(0, [8 * comm.worldSize])),
      'rank 0 calls all_gather_direct f32 8 elements (gather, input @0, output @256)',
    ],
    ['hidden', fused({}), fused({ input: a.view(0, [2, 32]) }), /two_shot f32 \[4, 16\].* f32 \[2, 32\]/],
    [
      'hidden, unfused',
      fused({}, 'unfused_two_shot'),
      fused({ input: a }, 'unfused_two_shot'),
      /\[4, 16\].*\[1, 64\]/,
    ],
    ['epsilon', fused({}), fused({ epsilon: 1e-5 }), /epsilon 0\.000001, .*epsilon 0\.00001, /],
    [
      'epsilon, unfused',
      fused({}, 'unfused_one_shot'),
      fused({ epsilon: 1e-5 }, 'unfused_one_shot'),
      /epsilon 0\.000001, .*epsilon 0\.00001, /,
    ],
    ['fused or not', fused({}), fused({}, 'unfused_two_shot'), `${who} all_reduce_two_shot f32 [4, 16]`],
    ['residual', fused({}), fused({ residual: w }), /without residual.*with residual/],
    [
      'weight',
      fused({}),
      fused({ weight: w!.view(0, [16]) }),
      `but weight is absent on rank 0 and given on rank ${last}`,
    ],
    [
      'weight bias',
      fused({}),
      fused({ weightBias: 1 }),
      `but weight bias is 0 on rank 0 and 1 on rank ${last}`,
    ],
    [
      'cast before weight',
      fused({}),
      fused({ castBeforeWeight: true }),
      `but castBeforeWeight is false on rank 0 and true on rank ${last}`,
    ],
    ...quantized(shared.pick(['two_shot', 'two_shot_columns', 'one_shot'])),
    [
      'replay',
      () => recorded.replay(),
      () => recordedOther.replay(3),
      /two_shot f32 64 elements \(sum.*\(max/,
    ],
    ['replay and call', () => recorded.replay(), reduce('one_shot'), `${who} all_reduce_one_shot`],
  ];

  function quantized(algorithm: string): Scenario[] {
    const quantOut = comm.empty('f8e4m3', [COUNT]);
    const other = comm.empty('f8e4m3', [COUNT]);
    const scaleOut = comm.empty('f32', [4]);
    const fixed = { quantization: 'f8e4m3_static', quantOut, scale: 1 } as const;
    return [
      [
        'quantization',
        fused(fixed, algorithm),
        fused({ quantization: 'f8e4m3_token', quantOut, scaleOut }, algorithm),
        /\(f8e4m3_static, .*\(f8e4m3_token, /,
      ],
      [
        'scale',
        fused(fixed, algorithm),
        fused({ ...fixed, scale: 2.5 }, algorithm),
        `but scale is 1 on rank 0 and 2.5 on rank ${last}`,
      ],
      [
        'quantized output',
        fused(fixed, algorithm),
        fused({ ...fixed, quantOut: other }, algorithm),
        'but quantized output is @',
      ],
    ];
  }
}
