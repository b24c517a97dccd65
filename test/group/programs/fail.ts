/// <reference path="../../../src/engine/cpu/webassembly.d.ts" />
/** The rank `data.rank` fails in the way `data.how` after `data.after` barriers; the others go on to the next barrier. */
import type { Group } from '../../../src/group/group.ts';

export interface Fault {
  rank: number;
  after: number;
  how: keyof typeof FAULTS;
}

const bytes = (hex: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));

/** A function "run" that is `loop br 0`. */
const SPIN = '0061736d01000000 010401600000 03020100 0707010372756e0000 0a0901070003400c000b0b';
/** A function "run" that waits for ever at address 0 of the shared memory "e" "m". */
const WAIT =
  '0061736d01000000 010401600000 020901016501 6d02030101 03020100 0707010372756e0000 0a0f010d0041004100427ffe0102001a0b';

function runWasm(hex: string): void {
  const m = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  const { run } = new WebAssembly.Instance(new WebAssembly.Module(bytes(hex)), { e: { m } }).exports;
  (run as () => void)();
}

export const FAULTS = {
  throw: () => {
    throw new TypeError('what went wrong\nin two lines', { cause: new RangeError('why') });
  },
  'throw a string': () => {
    throw 'just text';
  },
  'throw undefined': () => {
    throw undefined;
  },
  reject: () => Promise.reject(new Error('rejected')),
  'reject unhandled': async () => {
    void Promise.reject(new Error('nobody listens'));
    await new Promise((done) => setTimeout(done, 60_000));
  },
  'throw in a timer': async () => {
    setTimeout(() => {
      throw new Error('from a timer');
    }, 10);
    await new Promise((done) => setTimeout(done, 60_000));
  },
  'exit 0': () => process.exit(0),
  'exit 7': () => process.exit(7),
  'kill itself': () => void process.kill(process.pid, 'SIGKILL'),
  'stop itself': () => void process.kill(process.pid, 'SIGSTOP'),
  'never settle': () => new Promise<void>(() => {}),
  'send a function': (group: Group) => void group.gather(() => {}),
  'return a function': () => (): void => {},
  return: () => 'early',
  loop: () => {
    for (;;);
  },
  'atomics wait': () => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0),
  'wasm loop': () => runWasm(SPIN),
  'wasm wait': () => runWasm(WAIT),
  'fill the heap': () => {
    // Small objects: where a single allocation exceeds what is left, V8 of Node 24 ends the whole process.
    for (let kept: unknown; ; ) kept = { kept, values: [1, 2, 3] };
  },
  'other call': (group: Group) => void group.broadcast(1),
  'wait elsewhere': (group: Group) => {
    group.enter(4);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  },
} satisfies Record<string, (group: Group) => unknown>;

export default async function fail(group: Group, args: string[], data: Fault | undefined): Promise<unknown> {
  const { rank, after, how } = data ?? {
    rank: Number(args[0]),
    after: Number(args[1]),
    how: args[2] as Fault['how'],
  };
  for (let i = 0; i < after; i++) group.barrier();
  if (group.rank === rank) {
    const value = await FAULTS[how](group);
    if (how.includes('return')) return value;
  }
  group.barrier();
  return undefined;
}
