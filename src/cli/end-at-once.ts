/**
 * @file The end of the process after ranks that were ended early. A thread that is inside the driver would keep the process alive, and where a kernel still runs, the driver's
 * own end waits for it; so neither is waited for. What was printed is out: it is written as it is printed, to pipes and files.
 */
import { exitNow } from '../ffi/libc.ts';
import { threadsEndedEarly, threadsLeftBehind } from '../group/start-threads.ts';

/** Returns where there is nothing to leave behind. */
export function endAtOnce(code: number): void {
  if (!threadsEndedEarly()) return;
  try {
    exitNow(code);
  } catch {
    // Not Linux. Threads that have ended hold up nothing there.
    if (threadsLeftBehind() > 0) process.kill(process.pid, 'SIGKILL');
  }
}
