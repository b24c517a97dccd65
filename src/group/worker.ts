/**
 * @file What a rank's thread runs.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { StatusLine } from './control.ts';
import { writeDirectly } from './output.ts';
import { runTask, type Task } from './program.ts';
import { joinThreads, type ThreadGroupOptions } from './threads.ts';

/** What the launcher gives a thread. */
export interface ThreadSetup extends Task, ThreadGroupOptions {
  readonly heartbeatMs: number;
}

const setup = workerData as ThreadSetup;
const status = new StatusLine(setup.control, setup.rank);
setInterval(() => status.beat(), setup.heartbeatMs).unref();
writeDirectly(status);
await runTask(
  setup,
  status,
  () => joinThreads(setup, status),
  (report) => parentPort?.postMessage(report),
);
