/**
 * @file What tensors, the heap and recordings refuse.
 */
import { createCommunicator } from '../../../dist/collective/create.js';
import type { Group } from '../../../dist/group/group.js';
import type { ProgramData } from '../support/engines.ts';
import { type Refusal, refuseAll } from '../support/refusals.ts';
import { type Report, Session } from '../support/session.ts';

const ARENA = 1024 * 1024;

export default function refusals(group: Group, _args: string[], data: ProgramData): Report {
  const comm = createCommunicator(group, {
    engine: data.engine,
    plan: null,
    warn: () => {},
    arenaBytes: ARENA,
  });
  const session = new Session(comm);
  const x = comm.tensor('f32', [4, 4], new Float64Array(16));
  const freed = comm.empty('f16', [5]);
  const view = freed.view(1, [2]);
  freed.free();

  const tensors: Refusal[] = [
    ['view of 4 elements from 13 does not fit a tensor of 16 elements', () => x.view(13, [4])],
    ['view of 1 elements from -1 does not fit', () => x.view(-1, [1])],
    ['view of 1 elements from 0.5 does not fit', () => x.view(0.5, [1])],
    ['view of 2 elements from 3 does not fit a tensor of 4', () => x.view(12, [4]).view(3, [2])],
    ['shape[0] is -1', () => x.view(0, [-1])],
    ['values are 2; a f32 tensor [4, 4] takes 16 numbers', () => x.write([1, 2])],
    ['values are undefined; a f32 tensor [4, 4] takes 16', () => x.write(undefined as unknown as number[])],
    ['values are 3; a f16 tensor [2] takes 2 numbers', () => comm.tensor('f16', [2], [1, 2, 3])],
    ['0 bytes do not fill', () => x.writeBytes(new Uint8Array())],
    ['a view cannot be freed; free the tensor it is a view of', () => x.view(0, [1]).free()],
    ['the tensor [5] was freed', () => freed.read()],
    ['the tensor [2] was freed', () => view.readBytes()],
    ['the tensor [2] was freed', () => view.write([1, 2])],
  ];

  const { heap } = comm;
  const address = heap.allocate(100);
  heap.release(address);
  const free = ARENA - 256;
  const full = `the symmetric heap is full: 4000000 bytes asked, ${free} of ${ARENA} free, largest block ${free}; raise arenaBytes (--arena on the command line) or free tensors`;
  const memory: Refusal[] = [
    ['is not an allocated block: it was freed before, or never allocated', () => heap.release(address)],
    ['is not an allocated block', () => heap.release(x.address + 4)],
    ['bytes is -1; the symmetric heap allocates whole numbers of bytes from 0 up', () => heap.allocate(-1)],
    ['bytes is 0.5', () => heap.allocate(0.5)],
    ['bytes is NaN', () => heap.allocate(Number.NaN)],
    ['alignment is 3; use a power of two from 1 to 256', () => heap.allocate(1, 3)],
    ['alignment is 512', () => heap.allocate(1, 512)],
    ['alignment is 0', () => heap.allocate(1, 0)],
    [full, () => comm.empty('f32', [1_000_000])],
  ];

  const nowhere =
    comm.engine.name === 'cpu' ? 'memory outside the symmetric heap cannot be wrapped on the cpu engine' : '';
  const outside: Refusal[] = [
    [nowhere || 'the driver knows no memory at 0x1000', () => comm.wrap('f32', [4], 0x1000)],
    [nowhere || 'which is in the symmetric heap', () => comm.wrap('f32', [16], BigInt(x.address))],
    [nowhere || 'elements of f32 begin at multiples of 4', () => comm.wrap('f32', [4], 0x1002)],
    [nowhere || 'address is 0; use a device pointer', () => comm.wrap('f32', [4], 0n)],
  ];

  const recording = comm.capture(() => comm.allReduce(x));
  const closed = comm.capture(() => comm.allReduce(x));
  closed.close();
  closed.close();
  const room = 'no room for a recording of 120000 launches: ';
  const many = (): void => {
    for (let i = 0; i < 120_000; i++) comm.allReduce(x);
  };
  const fillUp = (): void => {
    for (;;) comm.capture(() => comm.allReduce(x));
  };
  const recordings: Refusal[] = [
    ['the recording is closed', () => closed.replay()],
    ['the recording is closed', () => closed.replay(0)],
    ['times is -1; a recording is replayed a whole number of times', () => recording.replay(-1)],
    ['times is 0.5', () => recording.replay(0.5)],
    ['times is NaN', () => recording.replay(Number.NaN)],
    ['times is 4294967296', () => recording.replay(2 ** 32)],
    ['a capture is under way already', () => comm.capture(() => comm.capture(() => {}))],
    [
      'a recording cannot be replayed while another is captured',
      () => comm.capture(() => recording.replay()),
    ],
    ['endCapture without beginCapture', () => comm.engine.endCapture()],
    ['x [4, 4] overlap', () => comm.capture(() => throwIt('x [4, 4] overlap'))],
  ];
  // Recordings of the CPU engine lie in a region of fixed size; CUDA's are the driver's.
  const limits: Refusal[] = [
    [new RegExp(`^${room}\\d+ fit; close recordings that are done$`), () => comm.capture(many)],
    [/^no room for a recording of 1 launches: 0 fit; close recordings that are done$/, fillUp],
    ['no room for a recording of 2 launches', () => comm.capture(() => [1, 2].map(() => comm.allReduce(x)))],
  ];
  const here = comm.engine.name === 'cpu' ? [...recordings, ...limits] : recordings;
  return refuseAll(session, [...tensors, ...memory, ...outside, ...here, ...afterClosing(session)]);
}

/** A recording outlives its communicator as an object only. */
function afterClosing({ comm }: Session): Refusal[] {
  const other = createCommunicator(comm.group, {
    engine: comm.engine.name,
    plan: null,
    warn: () => {},
    arenaBytes: 65536,
  });
  const x = other.empty('f32', [1]);
  const recording = other.capture(() => other.allReduce(x));
  other.close();
  return [['the communicator is closed', () => recording.replay()]];
}

function throwIt(message: string): never {
  const error = new Error(message);
  error.name = 'CrossoverError';
  throw error;
}
