/** @file How a probe says how far it is. */

/** Hands on what is done and what is certain while a probe runs. */
export interface Progress {
  at(what: string): void;
  partial(value: unknown): void;
}
