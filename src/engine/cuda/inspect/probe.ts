/**
 * @file Runs one probe in a process of its own: a driver that crashes, hangs or writes nonsense becomes a finding, not the end of the caller.
 *
 * The probe reports over Node's IPC channel, so that what libraries print cannot be taken for its answer: any number of `at` messages that
 * say what it does next, and `partial` ones with what is certain by now, then one `result` or `error`.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** What a probe sends. */
export type ProbeMessage =
  | { readonly at: string }
  | { readonly partial: unknown }
  | { readonly result: unknown }
  | { readonly error: string };

export type Outcome<T> =
  | { readonly ok: true; readonly value: T }
  | {
      readonly ok: false;
      /** `refused`: the probe itself says why not. The others are what the library did to it. */
      readonly how: 'refused' | 'crashed' | 'hung' | 'garbled';
      /** One line: what happened, and during what. */
      readonly reason: string;
      /** What was certain before that. */
      readonly partial?: unknown;
    };

export interface ProbeOptions {
  readonly timeoutMs: number;
  /** The module to run; the probes of this folder by default. */
  readonly module?: string;
  /** Called with what the probe does next. */
  readonly onProgress?: (at: string) => void;
}

const CHILD = fileURLToPath(new URL('./probe-child.js', import.meta.url));
/** Of what a probe that crashed wrote last, for the reason. */
const TAIL_BYTES = 2000;
/** A process that a driver keeps in the kernel cannot be killed: it is left behind. */
const KILL_GRACE_MS = 1000;
/** Between its answer and its end. */
const END_GRACE_MS = 3000;

/** Runs `part` of the probes with `request`, which must survive JSON. Never throws for what the probe does. */
export function probe<T>(part: string, request: unknown, options: ProbeOptions): Promise<Outcome<T>> {
  const child = fork(options.module ?? CHILD, [part, JSON.stringify(request ?? null)], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    // Options such as --inspect are for the caller alone.
    execArgv: [],
  });
  return new Promise((resolve) => {
    let at = `starting ${part}`;
    let partial: unknown;
    let answer: Outcome<T> | undefined;
    let written = '';
    const withPartial = () => (partial === undefined ? {} : { partial });
    const fail = (how: 'refused' | 'crashed' | 'hung' | 'garbled', reason: string): Outcome<T> => ({
      ok: false,
      how,
      reason,
      ...withPartial(),
    });
    const settle = (outcome: Outcome<T>): void => {
      clearTimeout(deadline);
      resolve(outcome);
    };
    const kill = (): void => {
      child.kill('SIGKILL');
      setTimeout(() => abandon(child), KILL_GRACE_MS).unref();
    };
    // Its end is waited for, since what it holds on devices goes with it; but libraries can hang in their last steps, too.
    const answered = (outcome: Outcome<T>): void => {
      answer ??= outcome;
      clearTimeout(deadline);
      deadline = setTimeout(() => {
        kill();
        settle(outcome);
      }, END_GRACE_MS);
    };
    let deadline = setTimeout(() => {
      kill();
      settle(fail('hung', `no answer in ${options.timeoutMs / 1000} s, while ${at}; it was ended`));
    }, options.timeoutMs);
    child.stderr?.on('data', (chunk: Buffer) => {
      written = `${written}${chunk.toString('utf8')}`.slice(-TAIL_BYTES);
    });
    child.on('message', (message: unknown) => {
      if (isMessage(message, 'at')) {
        at = String(message.at);
        options.onProgress?.(at);
      } else if (isMessage(message, 'partial')) partial = message.partial;
      else if (isMessage(message, 'result')) answered({ ok: true, value: message.result as T });
      else if (isMessage(message, 'error')) answered(fail('refused', String(message.error)));
      else answered(fail('garbled', `its answer makes no sense (${JSON.stringify(message)?.slice(0, 60)})`));
    });
    child.on('error', (error) => settle(fail('crashed', `no process could be started: ${error.message}`)));
    child.on('close', (code, signal) => {
      if (answer !== undefined) return settle(answer);
      const last = written.trim().split('\n').at(-1) ?? '';
      const how = signal === null ? `exit code ${code}` : signal;
      settle(fail('crashed', `it ended with ${how} while ${at}${last === '' ? '' : ` (${last})`}`));
    });
  });
}

function isMessage<K extends string>(message: unknown, key: K): message is Record<K, unknown> {
  return typeof message === 'object' && message !== null && Object.hasOwn(message, key);
}

function abandon(child: ChildProcess): void {
  child.stderr?.destroy();
  if (child.connected) child.disconnect();
  child.unref();
}
