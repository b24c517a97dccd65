/**
 * @file The end of this process at once. A thread that is inside the driver would keep the process alive, and where a kernel still runs, the driver's own end waits for it;
 * so neither is waited for.
 */
import { exitNow } from '../ffi/libc.ts';
import { threadsLeftBehind } from './start-threads.ts';

export function leaveProcess(code: number): void {
  try {
    exitNow(code);
  } catch {
    // Not Linux. Threads that have ended hold up nothing there.
    if (threadsLeftBehind() > 0) process.kill(process.pid, 'SIGKILL');
  }
}
