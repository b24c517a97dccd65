/**
 * @file All variants at one batch: recorded, timed in turns, and compared.
 */
import { createHash } from 'node:crypto';
import { sequencesByRank } from '../layouts.ts';
import { changeBy, type Prediction, predictChange, sumOver } from '../predict.ts';
import type { WayName } from '../runnable.ts';
import type { Session } from '../session/open.ts';
import { type Chooser, measuredUs, VARIANTS, type VariantName } from '../variants.ts';
import { DecodeContender, hashOf, type Start, type Track } from './contender.ts';
import { type Timed, timeDecode } from './measure.ts';
import type { DecodeRequest, DecodeRow } from './request.ts';
import { aloneWay, canBeAlone, type MadeWay, wayFor } from './ways.ts';

/** Tokens that people get to see. */
const SHOWN = 16;

export class BatchRun {
  /** Of the first sequence and the first variant, once it was timed. */
  firstTokens: readonly number[] = [];
  readonly #session: Session;
  readonly #request: DecodeRequest;
  readonly #batch: number;
  readonly #ways: readonly MadeWay[];

  constructor(session: Session, request: DecodeRequest, names: readonly WayName[], batch: number) {
    this.#session = session;
    this.#request = request;
    this.#batch = batch;
    this.#ways = names.map((name) => wayFor(session, request, name, batch));
  }

  /** Collective. A row a variant, in their order. `report` is told what is begun. */
  time(start: Start, track: Track, report: (done: number, words: string) => void): DecodeRow[] {
    const { model } = this.#session;
    const { comm } = model;
    const { steps, rounds, session } = this.#request;
    const sequences = sequencesByRank(this.#batch, comm.worldSize, session.attention ?? 'tensor')[comm.rank]!;
    const contenders = this.#ways.map(({ name, way, chooser }) => {
      report(0, `${name}: recording`);
      return new DecodeContender(model, sequences, start, track, way, chooser);
    });
    if (comm.worldSize > 1 && canBeAlone(session)) {
      report(0, 'without collectives: recording');
      contenders.push(new DecodeContender(model, sequences, start, track, aloneWay(this.#ways[0]!)));
    }
    const hashes: string[] = [];
    const timed = timeDecode(
      comm,
      contenders,
      { steps, rounds },
      (at) => {
        const tokens = contenders[at]!.tokens(steps);
        hashes[at] = createHash('sha256')
          .update(comm.group.gather(hashOf(tokens)).join())
          .digest('hex')
          .slice(0, 16);
        if (at === 0 && sequences > 0)
          this.firstTokens = Array.from({ length: Math.min(SHOWN, steps) }, (_, i) => tokens[i * sequences]!);
      },
      (done, at) => report(done, this.#ways[at]?.name ?? 'without collectives'),
    );
    for (const one of contenders) one.close();
    return this.#ways.map((way, at) => this.#row(way, timed, at, hashes[at]!));
  }

  #row(way: MadeWay, timed: readonly Timed[], at: number, tokensHash: string): DecodeRow {
    const { name, layout, chooser } = way;
    const { us } = timed[at]!;
    const alone =
      timed[this.#ways.length] ?? (this.#session.model.comm.worldSize === 1 ? timed[at] : undefined);
    const collectivesUs = alone ? us.median - alone.us.median : this.#measuredUs(way);
    const { dispatched } = chooser;
    return {
      batch: this.#batch,
      variant: name,
      layout,
      us,
      tokensPerSecond: (this.#batch * 1e6) / us.median,
      spread: us.spread / us.median,
      ...(collectivesUs !== undefined && { collectiveShare: Math.max(0, collectivesUs / us.median) }),
      dispatched,
      rankOrder: dispatched.every(({ bits }) => bits === 'rank-order'),
      tokensHash,
      ...this.#againstPlan(way, us.median, timed),
    };
  }

  /** What measurements say that the collectives of a step take, us. */
  #measuredUs({ name, chooser }: MadeWay): number | undefined {
    const { index, model } = this.#session;
    const variant = isDispatch(name) ? name : 'plan';
    return sumOver(chooser.wanted, (one) =>
      measuredUs(index, variant, one, model.comm.worldSize, this.#request.capBytes),
    );
  }

  #againstPlan(way: MadeWay, us: number, timed: readonly Timed[]): Pick<DecodeRow, 'predicted' | 'change'> {
    const { name } = way;
    const at = this.#ways.findIndex((way) => way.name === 'plan');
    if (at < 0 || name === 'plan') return {};
    const planUs = timed[at]!.us.median;
    const planned = this.#ways[at]!;
    const predicted = isDispatch(name)
      ? this.#predictVariant(name, planned.chooser, planUs)
      : this.#predictLayout(way, planned, planUs);
    return { change: planUs / us - 1, ...(predicted && { predicted }) };
  }

  #predictVariant(name: VariantName, planned: Chooser, planUs: number): Prediction | undefined {
    const { index, model } = this.#session;
    return predictChange(index, name, planned.wanted, model.comm.worldSize, this.#request.capBytes, planUs);
  }

  /** Of ways whose collectives have other sizes. */
  #predictLayout(own: MadeWay, planned: MadeWay, planUs: number): Prediction | undefined {
    const [us, plannedUs] = [this.#measuredUs(own), this.#measuredUs(planned)];
    return us === undefined || plannedUs === undefined ? undefined : changeBy(us - plannedUs, planUs);
  }
}

/** Whether a variant differs from the plan in algorithms alone. */
function isDispatch(name: WayName): name is VariantName {
  return (VARIANTS as readonly string[]).includes(name);
}
