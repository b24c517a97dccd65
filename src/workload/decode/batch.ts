/**
 * @file All variants at one batch: recorded, timed in turns, and compared.
 */
import { predictChange } from '../predict.ts';
import type { Session } from '../session/open.ts';
import { Chooser, type VariantName } from '../variants.ts';
import { DecodeContender, hashOf, type Start, type Track } from './contender.ts';
import { type Timed, timeDecode } from './measure.ts';
import type { DecodeRequest, DecodeRow } from './request.ts';

/** Tokens that people get to see. */
const SHOWN = 16;

export class BatchRun {
  /** Of the first sequence and the first variant, once it was timed. */
  firstTokens: readonly number[] = [];
  readonly #session: Session;
  readonly #request: DecodeRequest;
  readonly #variants: readonly VariantName[];
  readonly #batch: number;
  readonly #start: Start;
  readonly #track: Track;

  constructor(
    session: Session,
    request: DecodeRequest,
    variants: readonly VariantName[],
    batch: number,
    start: Start,
    track: Track,
  ) {
    this.#session = session;
    this.#request = request;
    this.#variants = variants;
    this.#batch = batch;
    this.#start = start;
    this.#track = track;
  }

  /** Collective. A row a variant, in their order. */
  time(report: (done: number) => void): DecodeRow[] {
    const { model, index } = this.#session;
    const { comm } = model;
    const { steps, rounds, capBytes } = this.#request;
    const choosers = this.#variants.map((name) => new Chooser(comm, index, name, capBytes));
    const contender = (chooser: Chooser | undefined): DecodeContender =>
      new DecodeContender(model, this.#batch, this.#start, this.#track, chooser);
    const contenders = choosers.map(contender);
    // A step in which ranks do not meet tells how long the others wait for each other.
    if (comm.worldSize > 1) contenders.push(contender(undefined));
    const hashes: string[] = [];
    const timed = timeDecode(
      comm,
      contenders,
      { steps, rounds },
      (at) => {
        const tokens = contenders[at]!.tokens(steps);
        hashes[at] = hashOf(tokens);
        if (at === 0)
          this.firstTokens = Array.from(
            { length: Math.min(SHOWN, steps) },
            (_, i) => tokens[i * this.#batch]!,
          );
      },
      report,
    );
    for (const one of contenders) one.close();
    return this.#variants.map((_, at) => this.#row(at, choosers[at]!, timed, hashes[at]!));
  }

  #row(at: number, chooser: Chooser, timed: readonly Timed[], tokensHash: string): DecodeRow {
    const variant = this.#variants[at]!;
    const { us } = timed[at]!;
    const aloneUs = timed[this.#variants.length]?.us.median ?? us.median;
    const { dispatched } = chooser;
    return {
      batch: this.#batch,
      variant,
      us,
      tokensPerSecond: (this.#batch * 1e6) / us.median,
      spread: us.spread / us.median,
      collectiveShare: Math.max(0, 1 - aloneUs / us.median),
      dispatched,
      rankOrder: dispatched.every(({ bits }) => bits === 'rank-order'),
      tokensHash,
      ...this.#againstPlan(variant, chooser, timed),
    };
  }

  #againstPlan(
    variant: VariantName,
    { wanted }: Chooser,
    timed: readonly Timed[],
  ): Pick<DecodeRow, 'predicted' | 'change'> {
    const planUs = timed[this.#variants.indexOf('plan')]?.us.median;
    if (planUs === undefined || variant === 'plan') return {};
    const { comm } = this.#session.model;
    const { capBytes } = this.#request;
    const { median } = timed[this.#variants.indexOf(variant)]!.us;
    return {
      predicted: predictChange(this.#session.index, variant, wanted, comm.worldSize, capBytes, planUs),
      change: planUs / median - 1,
    };
  }
}
