/**
 * @file Lets a rank write straight to the process's stdout and stderr. A thread's own streams pass through the launching
 * thread and only while the event loop turns, so a rank that computes and meets its peers without a pause would show nothing
 * until its end, and nothing at all when it hangs, which is when its last line is wanted most.
 */
import { writeSync } from 'node:fs';
import { RANK_STATE, type StatusLine } from './control.ts';

const nobody = new Int32Array(new SharedArrayBuffer(4));

/** Redirects this thread's stdout and stderr. A rank that waits for its reader is not blamed for it. */
export function writeDirectly(status: StatusLine): void {
  for (const [fd, stream] of [
    [1, process.stdout],
    [2, process.stderr],
  ] as const) {
    stream._write = (chunk: Uint8Array | string, encoding, done): void => {
      const before = status.setState(RANK_STATE.writing);
      let failed: Error | null = null;
      try {
        writeAll(fd, typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk);
      } catch (error) {
        failed = error as Error;
      }
      status.setState(before);
      done(failed);
    };
    // Without it, writes that were corked go to `_write` one by one.
    Object.defineProperty(stream, '_writev', { value: null, writable: true });
  }
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) {
    try {
      done += writeSync(fd, bytes, done);
    } catch (error) {
      // The pipe or terminal is full and does not block.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      Atomics.wait(nobody, 0, 0, 1);
    }
  }
}
