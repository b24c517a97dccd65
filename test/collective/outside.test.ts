/** @file Buffers outside the symmetric heap: which calls copy them through it, from where to where, and what is said about it. */
import { describe, expect, it } from 'vitest';
import { algorithmsOf } from '../../dist/collective/catalog.js';
import { Communicator } from '../../dist/collective/communicator.js';
import { formatExplanation } from '../../dist/plan/explain.js';
import type { Plan } from '../../dist/plan/plan.js';
import { entryOf, keyOf, planOf } from './support/plans.ts';
import { BASE, type Recorded, recorder } from './support/recorder.ts';

const FOREIGN = 0x7e00_0000_0000;
const FINGERPRINT = {
  engine: 'cuda',
  host: { platform: 'linux', arch: 'x64', cpu: 'any', cores: 1 },
  device: {},
  kernels: '0'.repeat(16),
} as const;

function open(recorded: Recorded = {}, plan?: Plan) {
  const engine = recorder(recorded);
  const comm = new Communicator(engine, plan, () => {});
  /** Launches as text: `f` addresses are outside, `h` addresses in the heap. */
  const seen = (body: () => unknown): string[] => {
    engine.launches.length = 0;
    body();
    return engine.launches.map(({ kernel, input, output, count }) =>
      kernel === 'copy'
        ? `copy ${count} ${place(input)} ${place(output)}`
        : `${kernel} ${place(input)} ${place(output)}`,
    );
  };
  return { comm, engine, seen };
}

const place = (address: number): string =>
  address === 0 ? '-' : address < BASE ? `f${address - FOREIGN}` : `h${address - BASE}`;

describe('a call with buffers outside the heap', () => {
  // On rank 1 of 4: its part of 256 bytes is the second.
  const { comm, seen } = open({ rank: 1 });
  const x = comm.wrap('bf16', [512], FOREIGN);
  const out = comm.wrap('bf16', [512], BigInt(FOREIGN + 4096));
  const part = x.view(128, [128]);
  const inside = comm.empty('bf16', [512]); // at h0; what is copied through the heap comes behind it.

  it.each<[name: string, call: () => unknown, launches: string[]]>([
    ['push', () => comm.allReduce(x, { algorithm: 'one_shot_push' }), ['all_reduce_one_shot_push_4 f0 f0']],
    ['NCCL', () => comm.allReduce(x, { out, algorithm: 'nccl' }), ['nccl_all_reduce f0 f4096']],
    [
      'in place, both are reached for',
      () => comm.allReduce(x, { algorithm: 'two_shot' }),
      ['copy 1024 f0 h1024', 'all_reduce_two_shot h1024 h1024', 'copy 1024 h1024 f0'],
    ],
    [
      'out of place, the input is reached for',
      () => comm.allReduce(x, { out, algorithm: 'one_shot' }),
      ['copy 1024 f0 h1024', 'all_reduce_one_shot h1024 f4096'],
    ],
    [
      'in place, the input is reached for',
      () => comm.allReduce(x, { algorithm: 'one_shot' }),
      ['copy 1024 f0 h1024', 'all_reduce_one_shot h1024 f0'],
    ],
    [
      'the output alone lies outside',
      () => comm.allReduce(inside, { out, algorithm: 'two_shot' }),
      ['all_reduce_two_shot h0 h1024', 'copy 1024 h1024 f4096'],
    ],
    [
      'the input alone lies outside',
      () => comm.allReduce(x, { out: inside, algorithm: 'two_shot' }),
      ['copy 1024 f0 h1024', 'all_reduce_two_shot h1024 h0'],
    ],
    [
      'all-gather',
      () => comm.allGather(part, out, { algorithm: 'direct' }),
      ['all_gather_direct f256 h1024', 'copy 1024 h1024 f4096'],
    ],
    [
      'all-gather in place',
      () => comm.allGather(part, x, { algorithm: 'direct' }),
      ['copy 256 f256 h1280', 'all_gather_direct h1024 h1024', 'copy 1024 h1024 f0'],
    ],
    [
      'all-gather in place, by NCCL',
      () => comm.allGather(part, x, { algorithm: 'nccl' }),
      ['nccl_all_gather f0 f0'],
    ],
    [
      "all-gather in place of unequal parts, all of them this rank's",
      () => comm.allGather(x, x, { parts: [0, 512, 0, 0], algorithm: 'direct' }),
      ['copy 1024 f0 h1024', 'all_gather_direct h1024 h1024', 'copy 1024 h1024 f0'],
    ],
    [
      'reduce-scatter',
      () => comm.reduceScatter(x, out.view(0, [128]), { algorithm: 'bulk' }),
      ['copy 1024 f0 h1024', 'reduce_scatter_bulk h1024 f4096'],
    ],
    [
      'reduce-scatter in place',
      () => comm.reduceScatter(x, part, { algorithm: 'direct' }),
      ['copy 1024 f0 h1024', 'reduce_scatter_direct h1024 h1024', 'copy 256 h1280 f256'],
    ],
    [
      'broadcast',
      () => comm.broadcast(x, 2, { algorithm: 'scatter' }),
      ['broadcast_scatter f0 h1024', 'copy 1024 h1024 f0'],
    ],
    [
      'the unfused sequence',
      () => comm.allReduceRmsNorm({ input: x, out, epsilon: 1e-6 }, { algorithm: 'unfused_two_shot' }),
      ['copy 1024 f0 h1024', 'all_reduce_two_shot h1024 h1024', 'rms_norm h1024 f4096'],
    ],
    [
      'nothing',
      () => comm.allReduce(x.view(0, [0]), { algorithm: 'two_shot' }),
      ['all_reduce_two_shot h1024 h1024'],
    ],
  ])('copies what peers reach for: %s', (_name, call, launches) => {
    expect(seen(call)).toEqual(launches);
  });

  it('gives both operands room where they are two', () => {
    const both = seen(() => comm.allReduce(x, { out, algorithm: 'two_shot' }));
    expect(both).toEqual(['copy 1024 f0 h1024', 'all_reduce_two_shot h1024 h2048', 'copy 1024 h2048 f4096']);
  });
});

it('counts what is copied', () => {
  const { comm } = open();
  const x = comm.wrap('bf16', [512], FOREIGN);
  comm.allReduce(x, { algorithm: 'one_shot_push' });
  expect(comm.staged).toEqual({ calls: 0, bytes: 0 });
  comm.allReduce(x, { algorithm: 'two_shot' });
  comm.allReduce(x, { algorithm: 'one_shot' });
  expect(comm.staged).toEqual({ calls: 2, bytes: 3 * 1024 });
});

it('keeps the room of recordings, and gives back that of calls', () => {
  const { comm, seen } = open();
  const x = comm.wrap('bf16', [2048], FOREIGN);
  const reduce = (count: number) => () => comm.allReduce(x.view(0, [count]), { algorithm: 'two_shot' });
  const free = comm.heap.free;
  seen(reduce(128));
  seen(reduce(512));
  expect(free - comm.heap.free).toBe(1024);
  comm.capture(reduce(512));
  expect(seen(reduce(1024))[1]).toBe('all_reduce_two_shot h1024 h1024');
  expect(free - comm.heap.free).toBe(1024 + 2048);
});

it('is stopped before anything is enqueued when the heap has no room', () => {
  const { comm, engine } = open();
  const x = comm.wrap('bf16', [1 << 20], FOREIGN);
  expect(() => comm.allReduce(x, { algorithm: 'two_shot' })).toThrow(
    'the symmetric heap is full: 2097152 bytes asked',
  );
  expect(engine.launches).toEqual([]);
  expect(comm.staged.calls).toBe(0);
});

it('forgets a tensor that is freed, and leaves its memory alone', () => {
  const { comm } = open();
  const x = comm.wrap('f32', [4], FOREIGN);
  const free = comm.heap.free;
  x.free();
  expect(comm.heap.free).toBe(free);
  expect(() => comm.allReduce(x)).toThrow('x [4] was freed');
});

describe('wrap', () => {
  it.each<[string, (comm: Communicator) => unknown]>([
    ['1024 bytes cannot be wrapped: it is elsewhere', (comm) => comm.wrap('bf16', [512], FOREIGN)],
    [
      `address is 0x${BASE.toString(16)}, which is in the symmetric heap`,
      (comm) => comm.wrap('i8', [4], BASE),
    ],
    ['which is in the symmetric heap', (comm) => comm.wrap('i8', [4096], BASE - 16)],
    ['elements of f32 begin at multiples of 4', (comm) => comm.wrap('f32', [4], FOREIGN + 2)],
    ['address is 0; use a device pointer', (comm) => comm.wrap('f32', [4], 0n)],
    ['address is NaN; use a device pointer', (comm) => comm.wrap('f32', [4], Number.NaN)],
    ['shape[0] is -1', (comm) => comm.wrap('f32', [-1], FOREIGN)],
  ])('refuses: %s', (message, call) => {
    const { comm } = open({ problem: () => 'it is elsewhere' });
    expect(() => call(comm)).toThrow(message);
  });

  it('checks halfway overlaps as anywhere', () => {
    const { comm } = open();
    const x = comm.wrap('f32', [8], FOREIGN);
    expect(() => comm.allReduce(x.view(0, [4]), { out: x.view(2, [4]) })).toThrow(
      'x and out overlap by part',
    );
  });
});

describe('a plan', () => {
  const inside = keyOf(4, 'all_reduce');
  const outside = { ...inside, registered: false };

  it('is followed where it knows buffers outside the heap, and else as for those inside', () => {
    const known = planOf(
      [entryOf(inside, [[0, 'two_shot']]), entryOf(outside, [[0, 'one_shot_push']])],
      FINGERPRINT,
    );
    const unknown = planOf([entryOf(inside, [[0, 'two_shot']])], FINGERPRINT);
    for (const [plan, kernels] of [
      [known, ['all_reduce_one_shot_push_4']],
      [unknown, ['copy', 'all_reduce_two_shot', 'copy']],
    ] as const) {
      const { comm, engine } = open({}, plan);
      comm.allReduce(comm.wrap('bf16', [512], FOREIGN));
      expect(engine.launches.map(({ kernel }) => kernel)).toEqual(kernels);
      engine.launches.length = 0;
      comm.allReduce(comm.empty('bf16', [512]));
      expect(engine.launches.map(({ kernel }) => kernel)).toEqual(['all_reduce_two_shot']);
    }
  });

  it('says what buffers outside the heap cost', () => {
    const { comm } = open(
      {},
      planOf(
        [
          entryOf(inside, [
            [0, 'two_shot'],
            [4096, 'nccl'],
          ]),
        ],
        FINGERPRINT,
      ),
    );
    expect(formatExplanation(comm.explain('all_reduce', 1024))).not.toContain('outside the symmetric heap');
    expect(formatExplanation(comm.explain('all_reduce', 1024, { registered: false }))).toContain(
      'buffers outside the symmetric heap were not measured; this is the plan for those inside; ',
    );
    expect(comm.explain('all_reduce', 1024, { registered: false }).notes.at(-1)).toBe(
      'peers reach for buffers of two_shot: outside the symmetric heap, input and output are copied through it',
    );
    expect(comm.explain('all_reduce', 8192, { registered: false }).notes.at(-1)).toBe(
      'nccl uses buffers outside the symmetric heap where they lie',
    );
  });
});

it('is known of every algorithm that is not for the CPU alone', () => {
  const of = (operation: 'all_reduce' | 'all_reduce_rms_norm') =>
    Object.fromEntries(algorithmsOf(operation).map(({ name, symmetric }) => [name, symmetric]));
  expect(of('all_reduce')).toMatchObject({ two_shot: 'both', two_shot_staged: 'output', one_shot: 'input' });
  expect(of('all_reduce_rms_norm')).toMatchObject({
    unfused_two_shot: 'input',
    unfused_two_shot_staged: 'input',
    unfused_one_shot_push: undefined,
  });
});
