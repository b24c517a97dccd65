/**
 * @file What the doctor says: one thing that was looked at, what it means, what to do.
 */

export const SECTIONS = ['host', 'GPUs', 'libraries', 'environment', 'plan'] as const;

export interface Finding {
  readonly section: (typeof SECTIONS)[number];
  readonly what: string;
  readonly found: string;
  /** False when it keeps crossover from working here: decides the exit code. */
  readonly ok: boolean;
  /** Empty when nothing follows. */
  readonly consequence: string;
  /** Empty when there is nothing to do. */
  readonly remedy: string;
}
