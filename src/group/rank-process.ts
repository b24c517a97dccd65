/**
 * @file What a rank's process runs. The launcher ends it: by closing the channel when all is done, by a signal when not, and by ending.
 */
import { dieWithParent, mapShared } from '../ffi/libc.ts';
import { StatusLine } from './control.ts';
import { writeDirectly } from './output.ts';
import { pack, unpack } from './pack.ts';
import { joinProcesses, type ProcessGroupOptions } from './processes.ts';
import { type RankReport, reportOf, runTask, type Task } from './program.ts';

/** What the launcher gives a process, as its first and only message. */
export interface ProcessSetup extends Omit<Task, 'data'>, ProcessGroupOptions {
  /** Packed. */
  readonly data: Uint8Array;
  readonly launcher: number;
  /** The control block: a descriptor, and how long it is. */
  readonly control: number;
  readonly controlBytes: number;
  readonly heartbeatMs: number;
}

process.on('disconnect', () => process.exit());
const setup = await new Promise<ProcessSetup>((resolve) => {
  process.once('message', (message) => resolve(message as ProcessSetup));
});
dieWithParent(setup.launcher);
// A terminal's Ctrl-C comes to the launcher, too, which sees to it that nothing is left on GPUs before it ends.
process.on('SIGINT', () => {});
// Waiting for the launcher's word is no reason for a program to go on that has nothing left to do.
process.channel?.unref();

const control = mapShared(setup.control, setup.controlBytes);
const status = new StatusLine(control.words, setup.localRank);
setInterval(() => status.beat(), setup.heartbeatMs).unref();
writeDirectly(status);

// A thread ends with the first error that nobody catches; what a process does after it is of no interest either.
process.once('uncaughtException', (error) => {
  process.on('uncaughtException', () => {});
  report(reportOf(error));
});
await runTask(
  { entry: setup.entry, args: setup.args, data: unpack(setup.data) },
  status,
  () => joinProcesses(setup, control, status),
  report,
);

function report(what: RankReport): void {
  const message = what.kind === 'returned' ? { ...what, value: pack(what.value) } : what;
  // A process that ends before its last word is out would be reported as having ended without one.
  process.channel?.ref();
  process.send?.(message);
}
