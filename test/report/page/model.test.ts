/** @file The page's model, against numbers worked out by hand. */
import { describe, expect, test } from 'vitest';
import type { MeasurementSet } from '../../../dist/interop/measurement.js';
import { assemblePage } from '../../../dist/report/page/assemble.js';
import { bandwidthOf, type PageModel, sizesOf } from '../../../dist/report/page/model.js';
import { readingsAt, spoken } from '../../../dist/report/page/readings.js';
import { tableOf } from '../../../dist/report/page/table.js';
import { CROSSING, measurement, PLAN, set } from './samples.ts';

function page(...sets: MeasurementSet[]): PageModel {
  const names = ['before', 'after', 'third'];
  return assemblePage({
    title: 'Page',
    sources: sets.map((measurements, i) => ({ name: names[i]!, measurements })),
  });
}

describe('measurements', () => {
  const [section] = page(set(CROSSING)).sections;

  test('are curves by algorithm, sorted by size', () => {
    expect(section!.name).toBe('all_reduce bf16 x4 replay');
    expect(section!.title).toBe('All-reduce, bf16, 4 ranks, replay');
    expect(section!.series.map(({ label, style }) => [label, style])).toEqual([
      ['fast', 0],
      ['wide', 1],
    ]);
    expect(sizesOf(section!)).toEqual([1024, 16384, 65536, 262144, 1048576]);
  });

  test('cross where their lines do on log axes', () => {
    // fast goes 4 -> 16 us from 64 to 256 KiB and wide stays at 8: halfway, 128 KiB.
    expect(section!.crossovers).toEqual([
      { bytes: 131072, before: 'fast', after: 'wide', ribbon: 0, us: expect.closeTo(8, 9) },
    ]);
    expect(section!.summary).toEqual([
      'Fastest: fast below 128 KiB and wide from 128 KiB.',
      'Crossover: at 128 KiB from fast to wide (8 us).',
    ]);
  });

  test('have bus bandwidth as nccl-tests defines it', () => {
    // 1 MiB in 32 us is 32.768 GB/s, times 2 * 3 / 4.
    expect(bandwidthOf(section!, 1048576, 32)).toBeCloseTo(49.152, 9);
    const fused = page(set([measurement('x', 1024, 1, { operation: 'all_reduce_rms_norm', hidden: 512 })]));
    expect(bandwidthOf(fused.sections[0]!, 1024, 1)).toBeUndefined();
  });

  test('are read out, the fastest first', () => {
    expect(spoken(section!, 262144, new Set())).toBe(
      '256 KiB: wide 8 us ± 0.1, 49.2 GB/s, fastest; fast 16 us ± 0.1, 24.6 GB/s, +100 %',
    );
    expect(readingsAt(section!, 262144, new Set(['wide'])).map(({ behind }) => behind)).toEqual(['fastest']);
    expect(spoken(section!, 1024, new Set(['fast', 'wide']))).toBe('1 KiB: no curve shown');
  });

  test('that round values on the way are shown, and never the fastest', () => {
    const rounding = [1024, 16384, 65536, 262144, 1048576].map((bytes) =>
      measurement('rounding', bytes, 1, { lossy: true }),
    );
    const [both] = page(set([...CROSSING, ...rounding])).sections;
    expect(both!.series.map(({ label, lossy }) => [label, lossy])).toContainEqual([
      'rounding (rounds)',
      true,
    ]);
    expect(both!.crossovers).toEqual(section!.crossovers);
    expect(both!.summary).toEqual(section!.summary);
    expect(readingsAt(both!, 262144, new Set()).map(({ behind }) => behind)).toEqual([
      '-87.5 %',
      'fastest',
      '+100 %',
    ]);
    const row = tableOf(both!, ['one']).rows.find(
      ([size, algorithm]) => size!.value === 262144 && algorithm!.value === 'wide',
    );
    expect(row?.map(({ text }) => text)).toContain('0.0');
  });

  test('that cannot stand on log axes are left out', () => {
    const odd = page(
      set([measurement('a', 0, 1), measurement('a', 1024, 2), measurement('b', 1024, Number.NaN)]),
    );
    expect(odd.sections[0]!.series.map(({ label, points }) => [label, points.length])).toEqual([['a', 1]]);
    expect(odd.sections[0]!.summary).toEqual(['a takes 2 us at 1 KiB and 2 us at 1 KiB.']);
    expect(page(set([measurement('a', 0, 1)])).sections).toEqual([]);
  });

  test('of one algorithm: tunables are one curve, in place is another', () => {
    const { sections } = page(
      set([
        measurement('crossover:a blocks=8', 1024, 3),
        measurement('crossover:a blocks=16', 1024, 2),
        measurement('nccl', 1024, 4, { inPlace: false }),
        measurement('nccl', 1024, 5, { inPlace: true }),
        measurement('crossover:nccl', 1024, 6),
      ]),
    );
    expect(sections[0]!.series.map(({ label, points }) => [label, points[0]!.us])).toEqual([
      ['a', 2],
      ['nccl', 4],
      ['nccl (in place)', 5],
      ['crossover:nccl', 6],
    ]);
  });
});

describe('two sets', () => {
  const before = set([
    measurement('a', 1024, 10, { spread: 0.5 }),
    measurement('a', 2048, 10, { spread: 0.5 }),
    measurement('a', 4096, 10, { spread: 0.5 }),
    measurement('a', 8192, 10, { spread: undefined }),
  ]);
  const after = set([
    measurement('a', 1024, 11, { spread: 0.5 }),
    measurement('a', 2048, 11.01, { spread: 0.5 }),
    measurement('a', 4096, 8, { spread: 0.5 }),
    measurement('a', 8192, 20, { spread: 0.5 }),
    measurement('b', 1024, 1),
  ]);
  const model = page(before, after);
  const [section] = model.sections;

  test('differ only where that exceeds both spreads', () => {
    expect(
      section!.differences.map(({ percent, verdict }) => [Math.round(percent * 10) / 10, verdict]),
    ).toEqual([
      [10, 'same'],
      [10.1, 'slower'],
      [-20, 'faster'],
      [100, 'unknown'],
    ]);
    expect(section!.summary.at(-1)).toBe(
      'after against before: of 3 times, 1 faster and 1 slower by more than both spreads, 1 not told apart; 1 of 4 times have no spread on one side, so their differences are not marked.',
    );
  });

  test('without spreads say so and mark nothing', () => {
    const bare = set([measurement('a', 1024, 10, { spread: undefined })]);
    const { differences, summary } = page(bare, bare).sections[0]!;
    expect(differences.map(({ verdict }) => verdict)).toEqual(['unknown']);
    expect(summary.at(-1)).toContain(
      '1 of 1 times have no spread on one side, so their differences are not marked.',
    );
  });

  test('share colours, and have their names in the legend', () => {
    expect(section!.series.map(({ label, style, set: of }) => [label, style, of])).toEqual([
      ['a · before', 0, 0],
      ['a · after', 0, 1],
      ['b · after', 1, 1],
    ]);
  });

  test('stand side by side in the table', () => {
    const { columns, rows } = tableOf(section!, ['before', 'after']);
    expect(columns.map(({ head }) => head)).toEqual([
      'size, bytes',
      'algorithm',
      'after against before, %',
      ...['before', 'after'].flatMap((name) => [
        `time, us, ${name}`,
        `spread, us, ${name}`,
        `behind the fastest, %, ${name}`,
        `bus bandwidth, GB/s, ${name}`,
      ]),
    ]);
    expect(rows.map((row) => row.map(({ text }) => text).join(' | '))[0]).toBe(
      '1K | a | +10.0 | 10 | 0.5 | 0.0 | 0.1536 | 11 | 0.5 | 1000.0 | 0.1396',
    );
    expect(rows.map((row) => row[2]!.mark)).toEqual(['same', undefined, 'slower', 'faster', 'unknown']);
  });
});

describe('a plan', () => {
  const model = assemblePage({ title: 'Plan', sources: [{ name: 'plan', plan: PLAN }] });
  const [section] = model.sections;

  test('is a ribbon; tunables alone are no crossover', () => {
    expect(section!.ribbons).toHaveLength(1);
    expect(
      section!.ribbons[0]!.ranges.map(({ from, to, algorithm, detail }) => [from, to, algorithm, detail]),
    ).toEqual([
      [0, 2048, 'one_shot', 'blocks 8'],
      [2048, 3000, 'one_shot', 'blocks 16'],
      [3000, null, 'two_shot', ''],
    ]);
    expect(section!.crossovers.map(({ bytes, before, after }) => [bytes, before, after])).toEqual([
      [3000, 'one_shot', 'two_shot'],
    ]);
  });

  test("is behind its own candidates by a share; its regret is the plan's", () => {
    // At 2 KiB it takes one_shot with 16 blocks, 3 us; two_shot takes 2.4: 25 %. Nothing at 1 and 4 KiB.
    expect(section!.sweepLosses).toEqual([
      {
        plan: 'plan',
        mean: expect.closeTo(0.25 / 3, 9),
        worst: expect.closeTo(0.25, 9),
        count: 3,
        bytes: 2048,
        chosen: 'one_shot blocks=16',
        best: 'two_shot',
        within: false,
      },
    ]);
    expect(model.regret).toEqual([{ set: 0, ...PLAN.regret! }]);
    expect(Object.fromEntries(model.sets[0]!.facts)).toMatchObject({
      engine: 'cpu',
      CPU: 'Some CPU, 16 cores',
      kernels: '470d4e8354c23a10',
    });
  });

  test('with measurements of the same algorithm shows those, and both ribbons', () => {
    const own = set([measurement('crossover:one_shot', 1024, 9), measurement('nccl', 1024, 7)]);
    const { sections } = assemblePage({
      title: 'Both',
      sources: [{ name: 'host', plan: PLAN, measurements: own }],
    });
    expect(sections[0]!.series.map(({ label, points }) => [label, points[0]!.us])).toEqual([
      ['one_shot', 9],
      ['nccl', 7],
      ['two_shot', 6],
    ]);
    expect(sections[0]!.ribbons.map(({ kind }) => kind)).toEqual(['plan', 'measured']);
  });
});

test('fused against unfused: the best of both at each size, with the spreads of both as a margin', () => {
  const norm = (algorithm: string, bytes: number, us: number) =>
    measurement(algorithm, bytes, us, {
      operation: 'all_reduce_rms_norm',
      hidden: 512,
      quantization: 'none',
    });
  const { sections } = page(
    set([
      norm('crossover:one_shot', 1024, 6),
      norm('flashinfer_trtllm_fused_one_shot', 1024, 7),
      norm('crossover:unfused_two_shot', 1024, 10),
      norm('unfused_native', 1024, 8),
      norm('crossover:one_shot', 2048, 8.1),
      norm('unfused_native', 2048, 8),
      norm('crossover:one_shot', 4096, 8.1),
    ]),
  );
  expect(sections[0]!.rowBytes).toBe(1024);
  expect(sections[0]!.fusion[0]!.points).toEqual([
    {
      bytes: 1024,
      fused: 'one_shot',
      fusedUs: 6,
      unfused: 'unfused_native',
      unfusedUs: 8,
      percent: 25,
      margin: expect.closeTo(2.5, 9),
    },
    expect.objectContaining({ bytes: 2048, percent: expect.closeTo(-1.25, 9) }),
  ]);
  expect(sections[0]!.summary.at(-1)).toBe(
    'Fusing saves 25 % of the unfused time at one size (1 KiB) and is not told apart at 1.',
  );
});

test('matrices keep the diagonal out of what they say, losses go to their sections', () => {
  const model = assemblePage({
    title: 'Rest',
    sources: [
      {
        name: 'host',
        measurements: set(CROSSING, {
          matrices: [
            {
              name: 'unidirectional GB/s',
              p2p: true,
              rows: [
                [900, 20],
                [21, Number.NaN],
              ],
              source: { file: 'p2p.txt', line: 3 },
            },
          ],
        }),
      },
    ],
    losses: [
      {
        from: 1024,
        to: 2048,
        picks: 'wide',
        better: 'fast',
        us: 6,
        percent: 300,
        section: 'all_reduce bf16 x4 replay',
      },
      { from: 4096, to: null, picks: 'x', better: 'y', us: 1, percent: 10 },
    ],
  });
  expect(model.matrices[0]).toMatchObject({
    title: 'unidirectional GB/s, P2P enabled',
    unit: 'GB/s',
    rows: [
      [900, 20],
      [21, null],
    ],
    summary: 'Between devices, least 20 GB/s (0 to 1), most 21 GB/s (1 to 0).',
  });
  expect(model.sections[0]!.losses).toHaveLength(1);
  expect(model.losses).toHaveLength(1);
});
