/**
 * @file Tensors over memory that something else allocated: every algorithm gives on them, in place and not, called and recorded, what it gives on
 * tensors of the symmetric heap, byte for byte and beyond their ends; and it copies through the heap what it has to, and nothing else. An engine
 * that has no such memory has to say so.
 */
import { type Algorithm, refusal } from '../../../dist/collective/algorithm.js';
import { algorithmsOf } from '../../../dist/collective/catalog.js';
import { driver, numberFrom } from '../../../dist/ffi/cuda.js';
import type { Group } from '../../../dist/group/group.js';
import type { Tensor } from '../../../dist/memory/tensor.js';
import { OPERATIONS } from '../../../dist/operations.js';
import { type DType, dtypeBytes } from '../../../dist/tensor/dtype.js';
import { encodeArray } from '../../../dist/tensor/formats/array.js';
import type { ProgramData } from '../support/engines.ts';
import { differs, throwing } from '../support/expect.ts';
import { type Report, Session } from '../support/session.ts';

export interface ExternalOptions {
  readonly rounds: number;
}

const DTYPES = ['bf16', 'f32'] as const;
/** Elements of a rank's part, or of the message; algorithms for long messages are asked from 2 MiB on. */
const COUNTS = [0, 1, 100, 2048, 20_001, 1_100_000];
const HIDDEN = 64;
const GUARD = 16;
const MOST = 1_100_000 + 2 * GUARD;

/** An input and an output. */
type Pair = readonly [x: Tensor, out: Tensor];

interface Case {
  readonly algorithm: Algorithm;
  readonly count: number;
  /** Elements at which the operands begin. */
  readonly from: number;
  readonly inPlace: boolean;
  readonly recorded: boolean;
}

export default function external(group: Group, _args: string[], data: ProgramData<ExternalOptions>): Report {
  const session = Session.open(group, data, 43);
  const { comm, shared } = session;
  if (!comm.engine.problemWithMemory) {
    const message = `memory outside the symmetric heap cannot be wrapped on the ${comm.engine.name} engine`;
    session.check(
      'wrap',
      throwing(() => comm.wrap('f32', [4], 4096), message),
    );
    return session.report();
  }
  const bytes = MOST * 4;
  const memory = [0, 1].map(() => numberFrom((out) => driver().memAlloc(out, bytes), 'cuMemAlloc'));
  for (let round = 0; round < data.options.rounds; round++) {
    const dtype = DTYPES[round % DTYPES.length]!;
    const [x, out] = memory.map((address) => comm.wrap(dtype, [MOST], address)) as [Tensor, Tensor];
    const [inside, insideOut] = [comm.empty(dtype, [MOST]), comm.empty(dtype, [MOST])] as const;
    for (const one of casesOf(session, dtype)) {
      const expected = run(session, one, [inside, insideOut]);
      const places: readonly Pair[] = [
        [x, out],
        [x, insideOut],
        [inside, out],
      ];
      for (const pair of one.inPlace ? places.slice(0, 1) : places) {
        const label = labelOf(one, pair);
        const before = comm.staged.calls;
        const actual = run(session, one, pair);
        const copied = comm.staged.calls - before;
        session.check(label, copied === toCopy(one, pair) ? undefined : `${copied} calls were copied`);
        for (const i of one.algorithm.operation === 'all_reduce_rms_norm' ? [1] : [0, 1])
          session.check(label, differs(dtype, actual[i]!, expected[i]!));
      }
    }
    for (const tensor of [insideOut, inside, out, x]) tensor.free();
    shared.next();
  }
  disagree(session, memory[0]!);
  for (const address of memory) driver().memFree(address);
  return session.report();
}

function casesOf({ comm, shared }: Session, dtype: (typeof DTYPES)[number]): Case[] {
  return OPERATIONS.flatMap((operation) => {
    const rows = operation === 'all_reduce_rms_norm';
    return COUNTS.flatMap((most) => {
      const scattered = operation === 'all_gather' || operation === 'reduce_scatter';
      const count = scattered ? Math.floor(most / comm.worldSize) : rows ? most - (most % HIDDEN) : most;
      const request = {
        operation,
        dtype,
        worldSize: comm.worldSize,
        bytes: count * dtypeBytes(dtype) * (scattered ? comm.worldSize : 1),
        ...(rows ? { hidden: HIDDEN, quantization: 'none' as const } : {}),
      };
      return algorithmsOf(operation)
        .filter((algorithm) => !algorithm.lossy && refusal(algorithm, request, comm.engine) === undefined)
        .map((algorithm) => ({
          algorithm,
          count,
          from: shared.pick([0, 0, 8, 1]),
          inPlace: shared.chance(0.5),
          recorded: shared.chance(0.5),
        }));
    });
  });
}

/** Calls it on fresh data, and returns all bytes of both operands and of what is around them. */
function run({ comm, own }: Session, one: Case, pair: Pair): readonly Uint8Array[] {
  const used = Math.min(MOST, one.count * comm.worldSize + 2 * GUARD);
  const [x, out] = pair.map((tensor, i) => {
    return tensor.view(0, [used]).writeBytes(numbers(tensor.dtype, used, 3 * comm.rank + i));
  }) as [Tensor, Tensor];
  // Peers must not begin while this rank still writes, and it may be late in any case.
  comm.group.barrier();
  if (own.chance(0.2)) for (const end = performance.now() + 2; performance.now() < end; );
  const call = (): void => enqueue(comm, one, x, out);
  if (one.recorded) {
    const recording = comm.capture(call);
    recording.replay();
    recording.close();
  } else call();
  return [x.readBytes(), out.readBytes()];
}

const known = new Map<string, Uint8Array>();

/** Small whole numbers, so that sums are exact in any order. */
function numbers(dtype: DType, count: number, seed: number): Uint8Array {
  const key = `${dtype} ${count} ${seed}`;
  const bytes =
    known.get(key) ??
    encodeArray(
      dtype,
      Float64Array.from({ length: count }, (_, k) => ((7 * k + seed) % 17) - 8),
    );
  known.set(key, bytes);
  return bytes;
}

function enqueue(comm: Session['comm'], one: Case, x: Tensor, out: Tensor): void {
  const { algorithm, count, from, inPlace } = one;
  const { rank, worldSize } = comm;
  const options = { algorithm: algorithm.name };
  const whole = (tensor: Tensor): Tensor => tensor.view(from, [count * worldSize]);
  const part = (tensor: Tensor): Tensor => tensor.view(from + rank * count, [count]);
  const message = (tensor: Tensor): Tensor => tensor.view(from, [count]);
  switch (algorithm.operation) {
    case 'all_reduce':
      comm.allReduce(message(x), inPlace ? options : { ...options, out: message(out) });
      return;
    case 'broadcast':
      comm.broadcast(message(x), worldSize - 1, inPlace ? options : { ...options, out: message(out) });
      return;
    case 'all_gather':
      comm.allGather(inPlace ? part(out) : message(x), whole(out), options);
      return;
    case 'reduce_scatter':
      comm.reduceScatter(whole(x), inPlace ? part(x) : message(out), options);
      return;
    case 'all_reduce_rms_norm': {
      const rows = (tensor: Tensor): Tensor => tensor.view(from, [count / HIDDEN, HIDDEN]);
      comm.allReduceRmsNorm({ input: rows(x), out: rows(out), epsilon: 1e-6 }, options);
      return;
    }
    default:
      algorithm.operation satisfies never;
  }
}

/** Calls that have to be copied through the heap: none, or this one. */
function toCopy({ algorithm, inPlace }: Case, [x, out]: Pair): number {
  const { operation, symmetric } = algorithm;
  if (!symmetric) return 0;
  const input = symmetric !== 'output';
  const output = symmetric !== 'input';
  if (operation === 'all_reduce_rms_norm') return x.external ? 1 : 0;
  if (!inPlace) return (x.external && input) || (out.external && output) ? 1 : 0;
  // In place it is all in one of them.
  return operation === 'all_gather' ? Number(out.external) : Number(x.external);
}

function labelOf({ algorithm, count, from, inPlace, recorded }: Case, [x, out]: Pair): string {
  const place = (tensor: Tensor): string => (tensor.external ? 'outside' : 'inside');
  const how = inPlace ? 'in place' : `${place(x)} to ${place(out)}`;
  return `${algorithm.operation} ${algorithm.name} ${x.dtype} ${count} from ${from} ${how}${recorded ? ', recorded' : ''}`;
}

/** The last that this communicator is used for: one rank gives a tensor of the heap where the others give one outside. */
function disagree(session: Session, address: number): void {
  const { comm } = session;
  const outside = comm.wrap('bf16', [512], address);
  const inside = comm.empty('bf16', [512]);
  comm.allReduce(comm.rank === 1 ? inside : outside, { algorithm: 'one_shot_push' });
  // Both have called before either looks.
  comm.group.barrier();
  session.check(
    'ranks that disagree',
    throwing(() => comm.synchronize(), /^ranks disagree: .*outside the heap/, 'MismatchError'),
  );
}
