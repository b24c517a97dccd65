/**
 * @file Reads so many bytes from a socket and no more, within a time. What comes later stays in the socket.
 */
import type { Socket } from 'node:net';
import { CrossoverError } from '../errors.ts';

/** @throws CrossoverError when the time is over, or the connection */
export async function readExactly(socket: Socket, bytes: number, ms: number): Promise<Buffer> {
  if (bytes === 0) return Buffer.alloc(0);
  let timer: NodeJS.Timeout | undefined;
  let stop = (): void => {};
  try {
    return await new Promise<Buffer>((resolve, reject) => {
      const onReadable = (): void => {
        const chunk = socket.read(bytes) as Buffer | null;
        // At its end a stream gives what it has.
        if (chunk?.length === bytes) resolve(chunk);
      };
      const onClose = (): void => reject(new CrossoverError('the connection was closed'));
      stop = () => {
        socket.off('readable', onReadable).off('end', onClose).off('close', onClose);
      };
      socket.on('readable', onReadable).on('end', onClose).on('close', onClose);
      if (ms !== Number.POSITIVE_INFINITY) {
        timer = setTimeout(
          () => reject(new CrossoverError(`nothing came for ${(ms / 1000).toFixed(1)} s`)),
          Math.max(0, ms),
        );
      }
      if (socket.destroyed) onClose();
      else onReadable();
    });
  } finally {
    clearTimeout(timer);
    stop();
  }
}

/** Calls `gone` when the other end closes a connection on which nothing is due. */
export function waitToEnd(socket: Socket, gone: () => void): void {
  const onReadable = (): void => {
    // Null at the end, too, which `end` then tells.
    if (socket.read() !== null) socket.destroy();
  };
  socket
    .on('readable', onReadable)
    .once('end', () => socket.destroy())
    .once('close', gone);
}
