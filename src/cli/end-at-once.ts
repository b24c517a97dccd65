/**
 * @file The end of the process after ranks that were ended early, which waits for nothing that they have left behind. What was printed is out: it is written as it is printed, to
 * pipes and files.
 */
import { leaveProcess } from '../group/leave-process.ts';
import { threadsEndedEarly } from '../group/start-threads.ts';

/** Returns where there is nothing to leave behind. */
export function endAtOnce(code: number): void {
  if (threadsEndedEarly()) leaveProcess(code);
}
