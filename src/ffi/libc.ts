/**
 * @file What groups of processes need of Linux and Node lacks: pairs of sockets with blocking reads, descriptors sent from process to
 * process, memory mapped by several processes, futexes, and to end with one's parent. Layouts and numbers are those of 64-bit Linux.
 */
import { getSystemErrorMap } from 'node:util';
import { CrossoverError } from '../errors.ts';
import { type Bound, bindAll, koffi, openLibrary, type Pointer, type Prototype } from './library.ts';
import { addressOf, viewOf } from './memory.ts';

const FUNCTIONS = {
  socketpair: 'int socketpair(int domain, int type, int protocol, void *pair)' as Prototype<
    (domain: number, type: number, protocol: number, pair: Int32Array) => number
  >,
  poll: 'int poll(void *entries, uint64_t count, int milliseconds)' as Prototype<
    (entries: Int32Array, count: number, milliseconds: number) => number
  >,
  send: 'int64_t send(int fd, void *bytes, uint64_t length, int flags)' as Prototype<
    (fd: number, bytes: Uint8Array, length: number, flags: number) => number
  >,
  recv: 'int64_t recv(int fd, void *bytes, uint64_t length, int flags)' as Prototype<
    (fd: number, bytes: Uint8Array, length: number, flags: number) => number
  >,
  sendmsg: 'int64_t sendmsg(int fd, void *message, int flags)' as Prototype<
    (fd: number, message: BigUint64Array, flags: number) => number
  >,
  recvmsg: 'int64_t recvmsg(int fd, void *message, int flags)' as Prototype<
    (fd: number, message: BigUint64Array, flags: number) => number
  >,
  memfdCreate: 'int memfd_create(const char *name, uint32_t flags)' as Prototype<
    (name: string, flags: number) => number
  >,
  ftruncate: 'int ftruncate(int fd, int64_t length)' as Prototype<(fd: number, length: number) => number>,
  mmap: 'int64_t mmap(void *at, uint64_t length, int protection, int flags, int fd, int64_t offset)' as Prototype<
    (
      at: Pointer,
      length: number,
      protection: number,
      flags: number,
      fd: number,
      offset: number,
    ) => number | bigint
  >,
  munmap: 'int munmap(void *at, uint64_t length)' as Prototype<(at: Pointer, length: number) => number>,
  prctl: 'int prctl(int option, uint64_t a, uint64_t b, uint64_t c, uint64_t d)' as Prototype<
    (option: number, a: number, b: number, c: number, d: number) => number
  >,
  _exit: 'void _exit(int code)' as Prototype<(code: number) => never>,
  // libc has no function of its own for futexes.
  syscall:
    'int64_t syscall(int64_t number, void *word, int operation, int value, void *time, void *unused, int mask)' as Prototype<
      (
        number: number,
        word: Pointer,
        operation: number,
        value: number,
        time: Pointer,
        unused: Pointer,
        mask: number,
      ) => number
    >,
};

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const CLOEXEC = 0o2000000;
const MSG_NOSIGNAL = 0x4000;
const MSG_CMSG_CLOEXEC = 0x40000000;
const MSG_CTRUNC = 0x8;
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
const POLLIN = 1;
const POLLOUT = 4;
const MFD_CLOEXEC = 1;
const PROT_READ_WRITE = 3;
const MAP_SHARED = 1;
const PR_SET_PDEATHSIG = 1;
const SIGKILL = 9;
const FUTEX_WAIT = 0;
const FUTEX_WAKE = 1;
const EINTR = 4;
const EAGAIN = 11;
const ETIMEDOUT = 110;
const SYS_FUTEX: Readonly<Record<string, number>> = { x64: 202, arm64: 98 };

let bound: Bound<typeof FUNCTIONS> | undefined;

function libc(): Bound<typeof FUNCTIONS> {
  if (bound) return bound;
  if (process.platform !== 'linux' || SYS_FUTEX[process.arch] === undefined) {
    throw new CrossoverError(
      `ranks in processes need Linux on x64 or arm64, and this is ${process.platform} on ${process.arch}; leave --processes out`,
    );
  }
  bound = bindAll(openLibrary('c'), FUNCTIONS);
  return bound;
}

/** Throws what a call that failed says, with `code` as Node's own errors have it. */
function fail(call: string): never {
  const number = koffi().errno();
  const [code, text] = getSystemErrorMap().get(-number) ?? [`errno ${number}`, 'unknown'];
  throw Object.assign(new CrossoverError(`${call}: ${code}: ${text}`), { code });
}

/** Ends the process without what programs and libraries do at its end, whatever other threads are doing. @throws CrossoverError where there is no such libc */
export function exitNow(code: number): never {
  return libc()._exit(code);
}

/** Two ends of a connection that only those can use who are given one of them. */
export function socketPair(): [number, number] {
  const pair = new Int32Array(2);
  if (libc().socketpair(AF_UNIX, SOCK_STREAM | CLOEXEC, 0, pair) !== 0) fail('socketpair');
  return [pair[0]!, pair[1]!];
}

/** Sends all of it, and blocks as long as that takes. */
export function sendAll(fd: number, bytes: Uint8Array): void {
  const { send } = libc();
  for (let done = 0; done < bytes.length; ) {
    const sent = send(fd, bytes.subarray(done), bytes.length - done, MSG_NOSIGNAL);
    if (sent >= 0) done += sent;
    else waitIfBusy(fd, POLLOUT, 'send');
  }
}

/** Fills `bytes`, and blocks as long as that takes. Returns false when the other end was closed before. */
export function receiveAll(fd: number, bytes: Uint8Array): boolean {
  const { recv } = libc();
  for (let done = 0; done < bytes.length; ) {
    const received = recv(fd, bytes.subarray(done), bytes.length - done, 0);
    if (received === 0) return false;
    if (received > 0) done += received;
    else waitIfBusy(fd, POLLIN, 'recv');
  }
  return true;
}

/** Sockets that Node made do not block by themselves. */
function waitIfBusy(fd: number, events: number, call: string): void {
  const number = koffi().errno();
  if (number === EINTR) return;
  if (number !== EAGAIN) fail(call);
  // struct pollfd: int fd; short events, revents. A bound, so that the thread comes back now and then.
  libc().poll(new Int32Array([fd, events]), 1, 100);
}

/** struct msghdr of one byte of data and room for `count` descriptors, and what it points to. */
function descriptorMessage(count: number): { header: BigUint64Array; control: Uint8Array; data: Uint8Array } {
  const data = new Uint8Array(64);
  const control = new Uint8Array(16 + 8 * Math.ceil((4 * count) / 8));
  const vector = new BigUint64Array([addressOf(data), 1n]);
  const header = new BigUint64Array(7);
  header[2] = addressOf(vector);
  header[3] = 1n;
  header[4] = addressOf(control);
  header[5] = BigInt(control.length);
  // Kept alive by the header: C only knows addresses.
  return Object.assign({ header, control, data }, { vector });
}

/** Sends copies of descriptors over a Unix socket; the caller keeps its own. */
export function sendDescriptors(fd: number, descriptors: readonly number[]): void {
  const message = descriptorMessage(descriptors.length);
  const control = new DataView(message.control.buffer);
  // struct cmsghdr: size_t length; int level, type; then the descriptors.
  control.setBigUint64(0, BigInt(16 + 4 * descriptors.length), true);
  control.setInt32(8, SOL_SOCKET, true);
  control.setInt32(12, SCM_RIGHTS, true);
  for (const [i, descriptor] of descriptors.entries()) control.setInt32(16 + 4 * i, descriptor, true);
  while (libc().sendmsg(fd, message.header, MSG_NOSIGNAL) !== 1) waitIfBusy(fd, POLLOUT, 'sendmsg');
  keepAlive(message);
}

/** Receives exactly `count` descriptors, which the caller owns then. Undefined when the other end was closed before. */
export function receiveDescriptors(fd: number, count: number): number[] | undefined {
  const message = descriptorMessage(count);
  for (;;) {
    const received = libc().recvmsg(fd, message.header, MSG_CMSG_CLOEXEC);
    if (received === 0) return undefined;
    if (received > 0) break;
    waitIfBusy(fd, POLLIN, 'recvmsg');
  }
  const control = new DataView(message.control.buffer);
  const truncated = (Number(message.header[6]! & 0xffffffffn) & MSG_CTRUNC) !== 0;
  const length = message.header[5]! < 16n ? 0 : (Number(control.getBigUint64(0, true)) - 16) / 4;
  const descriptors = Array.from({ length }, (_, i) => control.getInt32(16 + 4 * i, true));
  keepAlive(message);
  if (truncated || length !== count) {
    throw new CrossoverError(
      `${length} of ${count} descriptors arrived; this process may have too few left (ulimit -n)`,
    );
  }
  return descriptors;
}

const kept: unknown[] = [];

/** What C was given addresses of must not be collected before this. */
function keepAlive(what: unknown): void {
  kept.push(what);
  kept.pop();
}

/** Memory that several processes can map, zeroed: a descriptor that goes away with the last process that has it. */
export function createShared(name: string, bytes: number): number {
  const fd = libc().memfdCreate(name, MFD_CLOEXEC);
  if (fd < 0) fail('memfd_create');
  if (libc().ftruncate(fd, bytes) !== 0) fail('ftruncate');
  return fd;
}

/** Shared memory as 32-bit words. Nothing may touch them after `unmap`. */
export interface SharedWords {
  readonly words: Int32Array;
  unmap(): void;
  /** Sleeps until `wake`, unless the word is no longer `value`; returns now and then without a reason. */
  sleep(index: number, value: number): void;
  /** Wakes all that sleep at the word, in all processes. */
  wake(index: number): void;
}

export function mapShared(fd: number, bytes: number): SharedWords {
  const { mmap, munmap, syscall } = libc();
  const address = BigInt(mmap(null, bytes, PROT_READ_WRITE, MAP_SHARED, fd, 0));
  if (address === -1n) fail('mmap');
  const futex = SYS_FUTEX[process.arch]!;
  const tenth = new BigInt64Array([0n, 100_000_000n]);
  return {
    words: new Int32Array(viewOf(address, bytes).buffer),
    unmap: () => void munmap(address, bytes),
    sleep: (index, value) => {
      const done = syscall(futex, address + BigInt(4 * index), FUTEX_WAIT, value, tenth, null, 0);
      if (done !== 0 && ![EAGAIN, EINTR, ETIMEDOUT].includes(koffi().errno())) fail('futex');
    },
    wake: (index) => {
      const everybody = 0x7fffffff;
      syscall(futex, address + BigInt(4 * index), FUTEX_WAKE, everybody, null, null, 0);
    },
  };
}

/** From now on this process is killed when its parent ends, however that ends; at once if it has ended already. */
export function dieWithParent(parent: number): void {
  if (libc().prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) !== 0) fail('prctl');
  if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL');
}
