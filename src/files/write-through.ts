/**
 * @file Writes to what takes bytes as they come, however slowly they are taken.
 */
import { closeSync, openSync, writeSync } from 'node:fs';

/** How long to leave a reader that has no room, ms. */
const WAIT_MS = 5;

/** `to` is a path, or a number that this process has open. Returns when everything is written; throws the system's error. */
export function writeThrough(to: string | number, text: string): void {
  const file = typeof to === 'number' ? to : openSync(to, 'w');
  try {
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; ) at += writeSome(file, bytes, at);
  } finally {
    if (file !== to) closeSync(file);
  }
}

/** Bytes that were written. Output that nobody made blocking has no room at times: a socket, which is what Node's child processes write to. */
function writeSome(file: number, bytes: Buffer, at: number): number {
  try {
    return writeSync(file, bytes, at);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, WAIT_MS);
    return 0;
  }
}
