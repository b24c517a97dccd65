/**
 * @file The errors that crossover throws on purpose. Their messages are one line, name the field and the value,
 * and say what would be accepted, so that the command line can print them as they are.
 */

/** Base of every error thrown on purpose: bad input, an unusable plan, a full arena, ranks that disagree. */
export class CrossoverError extends Error {
  override readonly name: string = 'CrossoverError';
}

/** A rank threw, exited or stopped answering. `rank` is the one at fault; `cause` is what it threw, if it threw. */
export class RankError extends CrossoverError {
  override readonly name: string = 'RankError';
  readonly rank: number;

  constructor(rank: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.rank = rank;
  }
}

/** Ranks called different operations, or the same operation with different shapes. Nothing was written. */
export class MismatchError extends CrossoverError {
  override readonly name: string = 'MismatchError';
}
