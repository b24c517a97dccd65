/**
 * @file Decoding on engines: every variant gives the same tokens where its collectives sum in rank order, dispatches what it says, and is told apart by predictions that can be
 * worked out by hand.
 */
import { expect, it } from 'vitest';
import type { EngineName } from '../../../dist/collective/engines.js';
import { launch } from '../../../dist/group/launch.js';
import { brokenPromises } from '../../../dist/report/decode-tables.js';
import type { DecodeOutcome, DecodeRequest } from '../../../dist/workload/decode/request.js';
import { wayNames } from '../../../dist/workload/decode/ways.js';
import { sequencesByRank } from '../../../dist/workload/layouts.js';
import { presetNamed } from '../../../dist/workload/models/presets.js';
import type { SplitOptions } from '../../../dist/workload/models/split.js';
import type { WayName } from '../../../dist/workload/runnable.js';
import { describeEngines, servedBy } from '../../collective/support/engines.ts';
import { modelPlan } from './plans.ts';

const STEPS = 5;
const PROMPT = 9;
/** Looked at twice. */
const DISPATCHED = { ranks: 2, model: 'tiny', batches: [1, 3, 16, 17] };

interface Case extends Omit<SplitOptions, 'worldSize'> {
  readonly ranks: number;
  readonly model: string;
  readonly batches: readonly number[];
}

const decoded = new Map<string, Promise<DecodeOutcome>>();

/** What decoding gives, decoded once. */
function decode(engine: EngineName, one: Case): Promise<DecodeOutcome> {
  const key = JSON.stringify([engine, one]);
  const outcome = decoded.get(key) ?? decodeNow(engine, one);
  decoded.set(key, outcome);
  return outcome;
}

function decodeNow(engine: EngineName, { ranks, model, batches, ...split }: Case): Promise<DecodeOutcome> {
  const config = presetNamed(model);
  const attention = split.attention ?? 'tensor';
  const most = Math.max(...batches);
  const own = Math.max(...sequencesByRank(most, ranks, attention));
  const quantizations =
    split.precision === 'f8e4m3' ? (['none', 'f8e4m3_token'] as const) : (['none'] as const);
  const plan = engine === 'cpu' ? modelPlan(ranks, config.hidden, quantizations) : undefined;
  const data: DecodeRequest = {
    session: {
      config,
      engine,
      ...split,
      capacity: {
        sequences: own + (attention === 'data' ? 1 : 0),
        places: PROMPT + STEPS + 1,
        pageSize: 4,
        tokens: Math.max(2 * PROMPT, most),
        samples: most,
      },
      tunedTokens: most,
      plan,
    },
    batches,
    variants: [...wayNames(attention)],
    capBytes: 2 * 2 * config.hidden,
    promptTokens: PROMPT,
    steps: STEPS,
    rounds: 2,
    seed: 3,
    progress: false,
  };
  const program = new URL('../../../dist/workload/decode/program.js', import.meta.url);
  return launch<DecodeOutcome>(program, { ranks, data }).then(([outcome]) => outcome!);
}

describeEngines('decoding', (engine) => {
  it.each(
    servedBy(engine, [
      DISPATCHED,
      { ranks: 4, model: 'tiny', batches: [2] },
      { ranks: 2, model: 'tiny', batches: [2], precision: 'f8e4m3' },
      { ranks: 2, model: 'tiny-moe', batches: [5], experts: 'expert' },
      { ranks: 2, model: 'tiny-mla', batches: [3] },
      { ranks: 2, model: 'tiny-moe', batches: [1, 4, 5], attention: 'data' },
      { ranks: 4, model: 'tiny-moe', batches: [2, 7], attention: 'data', experts: 'expert' },
      { ranks: 1, model: 'tiny', batches: [2] },
    ] satisfies Case[]),
  )('$model on $ranks ranks, batches $batches: equal tokens of all variants', async (one) => {
    const { rows, skipped, tokens } = await decode(engine, one);
    expect(tokens).toHaveLength(STEPS);
    const names = [...new Set(rows.map(({ variant }) => variant))];
    expect([...names, ...skipped.map(({ variant }) => variant)].sort()).toEqual(
      [...wayNames('attention' in one ? 'data' : 'tensor')].sort(),
    );
    for (const batch of one.batches) {
      const promised = rows.filter((row) => row.batch === batch && row.rankOrder);
      expect(promised.length).toBeGreaterThan(one.ranks > 1 ? 1 : 0);
      // On this engine products round alike whatever their tokens; others may not, and are compared within a layout.
      const hashes = promised.map(({ tokensHash, layout }) =>
        [tokensHash, engine === 'cpu' || layout].join(),
      );
      expect(new Set(hashes).size).toBe(
        engine === 'cpu' ? 1 : new Set(promised.map((row) => row.layout)).size,
      );
    }
    expect(brokenPromises(rows)).toEqual([]);
    for (const { us, tokensPerSecond, batch, collectiveShare, layout, variant, predicted } of rows) {
      expect(us.median).toBeGreaterThan(0);
      expect(tokensPerSecond).toBeCloseTo((batch * 1e6) / us.median);
      // Of what is outside the heap nothing was measured.
      expect(collectiveShare === undefined).toBe(variant.endsWith('-outside'));
      expect(collectiveShare ?? 0).toBeGreaterThanOrEqual(0);
      expect(collectiveShare ?? 0).toBeLessThan(1);
      if ('attention' in one && predicted) {
        const plan = rows.find((row) => row.batch === batch && row.variant === 'plan')!;
        const more = collectiveShare! * us.median - plan.collectiveShare! * plan.us.median;
        expect(predicted.deltaUs).toBeCloseTo(more);
      } else expect(predicted === undefined).toBe(variant === 'plan' || variant.endsWith('-outside'));
      if (!('attention' in one)) expect(layout).toBe('own');
      // Where all ranks have as many rows, at least one, there is one layout.
      else if (batch % one.ranks === 0 || batch < one.ranks) expect(layout).toBe('padded');
      else if (variant !== 'plan') expect(layout).toBe(variant.split('-')[0]);
    }
  });
});

it('dispatches by the curves, and predicts by them', async () => {
  const { rows } = await decode('cpu', DISPATCHED);
  const layers = presetNamed('tiny').layers;
  const fusedAt = (batch: number, variant: WayName): string =>
    rows
      .find((row) => row.batch === batch && row.variant === variant)!
      .dispatched.filter(({ operation }) => operation === 'all_reduce_rms_norm')
      .map(({ algorithm, sites }) => `${sites} ${algorithm}`)
      .join();
  // One behind the embedding, and two a layer.
  const sites = 2 * layers + 1;
  expect(fusedAt(1, 'plan')).toBe(`${sites} one_shot`);
  expect(fusedAt(16, 'plan')).toBe(`${sites} unfused_two_shot`);
  expect(fusedAt(1, 'unfused')).toBe(`${sites} unfused_one_shot`);
  expect(fusedAt(16, 'fused')).toBe(`${sites} two_shot`);
  expect(fusedAt(1, 'fused-cap')).toBe(`${sites} one_shot`);
  expect(fusedAt(16, 'fused-cap')).toBe(`${sites} unfused_two_shot`);
  const row = (batch: number, variant: WayName) =>
    rows.find((one) => one.batch === batch && one.variant === variant)!;
  expect(row(16, 'fused').predicted!.deltaUs).toBeCloseTo(sites * (20 - 11));
  expect(row(1, 'unfused').predicted!.deltaUs).toBeCloseTo(sites * (3 - 2));
  expect(row(1, 'fused').predicted!.deltaUs).toBe(0);
});
