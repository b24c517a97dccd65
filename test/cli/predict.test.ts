/** @file `crossover predict`: expected steps from plans and files of measurements that can be worked out by hand, on any host. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { formatBytes } from '../../dist/units.js';
import { presetNamed } from '../../dist/workload/models/presets.js';
import { bytesRead } from '../../dist/workload/weights/bytes-read.js';
import { modelPlan } from '../workload/run/plans.ts';
import { ask, folder, ROOT } from './crossover.ts';

const CONFIG = presetNamed('tiny');
/** All-reduces of a step: two a layer, and one behind the embedding. */
const SITES = 2 * CONFIG.layers + 1;

/** `predict` of the model by a plan for some hidden size. */
const byPlan = (hidden: number, ...args: string[]) => {
  const path = join(folder(), 'plan.json');
  writeFileSync(path, JSON.stringify(modelPlan(2, hidden)));
  return ask(['predict', '--model', 'tiny', '--plan', path, ...args]);
};

it('adds up what was measured of each collective', async () => {
  const options = ['--batch', '1,16', '--step-us', '1000', '--fusion-cap-mb', '1', '--json'];
  const { code, out, error } = await byPlan(CONFIG.hidden, ...options);
  expect({ code, error }).toEqual({ code: 0, error: '' });
  const { rows, notes } = JSON.parse(out) as {
    rows: { batch: number; variant: string; collectivesUs?: number; stepUs?: number; change?: number }[];
    notes: string[];
  };
  expect(notes).toEqual([]);
  const row = (batch: number, variant: string) =>
    rows.find((one) => one.batch === batch && one.variant === variant)!;
  // The candidates of sampling are gathered in 2 us at one token, in 8 at 16.
  expect(row(1, 'plan').collectivesUs).toBeCloseTo(SITES * 2 + 2);
  expect(row(16, 'plan').collectivesUs).toBeCloseTo(SITES * 11 + 8);
  expect(row(16, 'fused').stepUs).toBeCloseTo(1000 + SITES * (20 - 11));
  // A cap that is above the crossover costs what fusing costs there.
  expect(row(16, 'fused-cap').change).toBeCloseTo(1000 / (1000 + SITES * 9) - 1);
  expect(row(1, 'nccl').change).toBeUndefined();
});

it('of data-parallel attention, adds up gathers and scatters of padded and of summed lengths', async () => {
  const { layers, hidden } = presetNamed('tiny-moe');
  const options = ['--model', 'tiny-moe', '--attention', 'data', '--step-us', '1000'];
  const { code, out, error } = await byPlan(hidden, ...options, '--batch', '3,4,16', '--json');
  expect({ code, error }).toEqual({ code: 0, error: '' });
  const { rows } = JSON.parse(out) as {
    rows: { batch: number; variant: string; collectivesUs: number; stepUs: number; change: number }[];
  };
  const us = (batch: number, variant: string) =>
    rows.find((one) => one.batch === batch && one.variant === variant)!.collectivesUs;
  // Of 3 sequences, ranks have 2 and 1: 4 rows where both have as many, of which a gather takes 3 us and a scatter, too; 16 rows take 8.
  expect(us(3, 'padded')).toBeCloseTo(layers * (3 + 3));
  expect(us(4, 'padded')).toBeCloseTo(layers * (3 + 3));
  expect(us(4, 'summed')).toBe(us(4, 'padded'));
  expect(us(16, 'plan')).toBeCloseTo(layers * (8 + 8));
  expect(us(3, 'summed')).toBeGreaterThan(layers * (2 + 2));
  expect(us(3, 'summed')).toBeLessThan(us(3, 'padded'));
  expect(us(3, 'plan')).toBe(us(3, 'summed'));
  const padded = rows.find(({ batch, variant }) => batch === 3 && variant === 'padded')!;
  // The plan names no GPU: what padded rows read more of experts is not known.
  expect(padded.stepUs).toBeCloseTo(1000 + us(3, 'padded') - us(3, 'summed'));
  expect(padded.change).toBeCloseTo(1000 / padded.stepUs - 1);
  const capped = await byPlan(hidden, ...options, '--fusion-cap-mb', '1');
  expect({
    code: capped.code,
    said: capped.error.includes('--fusion-cap-mb goes with --attention tensor'),
  }).toEqual({
    code: 2,
    said: true,
  });
});

it('of data-parallel attention, counts the experts that rows read which fill steps up', async () => {
  const config = presetNamed('tiny-moe');
  const options = [
    '--model',
    'tiny-moe',
    '--attention',
    'data',
    '--gpu',
    'H200',
    '--batch',
    '1,3,4',
    '--json',
  ];
  const { code, out, error } = await byPlan(config.hidden, ...options);
  expect({ code, error }).toEqual({ code: 0, error: '' });
  const { rows } = JSON.parse(out) as {
    rows: { batch: number; variant: string; collectivesUs: number; stepUs: number }[];
  };
  const readUs = (tokens: number): number =>
    (bytesRead(config, { attention: 'data', worldSize: 2 }, tokens) / 4.8e12) * 1e6;
  const tokensRead = {
    1: { padded: 2, summed: 2 },
    3: { padded: 4, summed: 3 },
    4: { padded: 4, summed: 4 },
  };
  for (const { batch, variant, collectivesUs, stepUs } of rows) {
    const layout = variant === 'padded' ? 'padded' : 'summed';
    // The plan's layout is summed where that is faster, and either where they are the same.
    const tokens = tokensRead[batch as 1 | 3 | 4][layout];
    expect(stepUs - collectivesUs, `${batch} ${variant}`).toBeCloseTo(readUs(tokens), 6);
  }
  expect(rows).toHaveLength(9);
});

it('refuses a step that is shorter than its collectives', async () => {
  const { code, error } = await byPlan(CONFIG.hidden, '--batch', '1', '--step-us', '3');
  expect(code).toBe(2);
  expect(error).toContain(
    `--step-us is 3; at batch 1 the collectives of a step alone take ${SITES * 2 + 2}.0 us`,
  );
});

it('says where another measurement stands in, and what to measure where there is none', async () => {
  const near = await byPlan(2 * CONFIG.hidden, '--batch', '4', '--gpu', 'H200');
  expect(near.out).toContain('hidden 256 was not measured; this is the plan for hidden 512');
  const missing = await byPlan(2 * CONFIG.hidden, '--ranks', '4', '--gpu', 'H200');
  expect(missing.code).toBe(1);
  expect(missing.error).toContain(
    'measure it: crossover tune --ranks 4 --mode replay --operations all_reduce,all_reduce_rms_norm',
  );
});

it('leaves out what samples, where it was not measured, and says so', async () => {
  const plan = modelPlan(2, CONFIG.hidden);
  const path = join(folder(), 'plan.json');
  const entries = plan.entries.filter(({ key }) => key.dtype !== 'f32');
  writeFileSync(path, JSON.stringify({ ...plan, entries }));
  const options = ['--model', 'tiny', '--plan', path, '--batch', '1', '--step-us', '1000', '--json'];
  const { code, out } = await ask(['predict', ...options]);
  expect(code).toBe(0);
  const { rows, notes } = JSON.parse(out) as { rows: { collectivesUs: number }[]; notes: string[] };
  expect(rows[1]!.collectivesUs).toBeCloseTo(SITES * 2);
  expect(notes).toEqual([expect.stringMatching(/^all_gather of f32, .* is left out$/)]);
});

it('says where weights are read by another GPU than collectives were measured on', async () => {
  const plan = modelPlan(2, CONFIG.hidden);
  const on = (name?: string) => {
    const path = join(folder(), 'plan.json');
    const fingerprint = { ...plan.fingerprint, device: name === undefined ? {} : { name } };
    writeFileSync(path, JSON.stringify({ ...plan, fingerprint }));
    return ask(['predict', '--model', 'tiny', '--plan', path, '--batch', '1', '--gpu', 'H200']);
  };
  expect((await on('NVIDIA H200')).out).not.toContain('# note');
  expect((await on('NVIDIA H100 80GB HBM3')).out).toContain(
    '# note: collectives were measured on NVIDIA H100 80GB HBM3; only weights are read as H200 does',
  );
  expect((await on()).out).toContain('# note: collectives were measured on test, the CPU engine;');
});

it('says where times go on outside of what was measured', async () => {
  const { code, out } = await byPlan(CONFIG.hidden, '--batch', '1,300', '--gpu', 'H200');
  expect(code).toBe(0);
  const row = 2 * CONFIG.hidden;
  expect(out).toContain(
    `# note: all_reduce_rms_norm: ${formatBytes(300 * row)} is outside of what was measured, ${formatBytes(row)} to ${formatBytes(256 * row)}; times go on from there`,
  );
});

/** Algorithm a takes 10 us for up to 64 rows, b 20; c was measured at one row alone. Quantized outputs take a us more. */
function measurements(operation: string, quantizations: readonly string[]): string {
  const path = join(folder(), 'set.csv');
  const row = 2 * CONFIG.hidden;
  const lines = quantizations.flatMap((quantization, i) =>
    [
      ['a', row, 10],
      ['a', 64 * row, 10],
      ['b', row, 20],
      ['b', 64 * row, 20],
      ['c', row, 5],
    ].map(([name, bytes, us]) =>
      [operation, name, bytes, 'bf16', 2, CONFIG.hidden, quantization, 'replay', Number(us) + i].join(','),
    ),
  );
  const head = 'operation,algorithm,bytes,dtype,world_size,hidden,quantization,mode,us';
  writeFileSync(path, [head, ...lines].join('\n'));
  return path;
}

const byFiles = async (args: string[]) => {
  const { code, out, error } = await ask(['predict', '--model', 'tiny', '--json', ...args]);
  expect({ code, error }).toEqual({ code: 0, error: '' });
  return JSON.parse(out) as {
    worldSize: number;
    groups: {
      name: string;
      rows: {
        batch: number;
        algorithm: string;
        collectivesUs: number;
        stepUs?: number;
        change?: number;
      }[];
      missing: number[];
    }[];
  };
};

it('takes each algorithm of a file for all all-reduces of a step', async () => {
  const path = measurements('all_reduce_rms_norm', ['none']);
  const { worldSize, groups } = await byFiles([path, '--batch', '1,8,65', '--step-us', '1000']);
  expect(worldSize).toBe(2);
  expect(groups).toHaveLength(1);
  const [{ name, rows, missing }] = groups as [(typeof groups)[0]];
  expect(name).toBe(`all_reduce_rms_norm x2 bf16 hidden ${CONFIG.hidden} replay`);
  expect(missing).toEqual([65]);
  // Against the fastest of each batch, which the time of a step is of.
  expect(rows.map(({ batch, algorithm, stepUs }) => [batch, algorithm, stepUs])).toEqual([
    [1, 'a', 1000 + 5 * SITES],
    [1, 'b', 1000 + 15 * SITES],
    [1, 'c', 1000],
    [8, 'a', 1000],
    [8, 'b', 1000 + 10 * SITES],
  ]);
  expect(rows.at(-1)!.change).toBeCloseTo(1000 / (1000 + 10 * SITES) - 1);
});

it('compares with the algorithm that was asked for, where it was measured', async () => {
  const path = measurements('all_reduce', ['']);
  const { groups } = await byFiles([path, '--batch', '1,8', '--step-us', '1000', '--against', 'c']);
  // An all-reduce alone knows no rows.
  expect(groups[0]!.name).toBe('all_reduce x2 bf16 replay');
  expect(groups[0]!.rows.map(({ batch, algorithm, stepUs }) => [batch, algorithm, stepUs])).toEqual([
    [1, 'a', 1000 + 5 * SITES],
    [1, 'b', 1000 + 15 * SITES],
    [1, 'c', 1000],
    [8, 'a', undefined],
    [8, 'b', undefined],
  ]);
});

it('takes quantized outputs where the model has them, and needs both', async () => {
  const options = ['--precision', 'f8e4m3', '--batch', '1', '--step-us', '1000'];
  const both = await byFiles([measurements('all_reduce_rms_norm', ['none', 'f8e4m3_token']), ...options]);
  // The last norm goes to the vocabulary, which is not quantized.
  expect(both.groups[0]!.rows.find(({ algorithm }) => algorithm === 'a')!.collectivesUs).toBe(
    10 + 11 * (SITES - 1),
  );
  const one = measurements('all_reduce_rms_norm', ['none']);
  const { code, error } = await ask(['predict', '--model', 'tiny', one, ...options]);
  expect({ code, error: /nothing measured fits tiny/.test(error) }).toEqual({ code: 2, error: true });
});

it('leaves out what is rounded on the way, and takes what names no outputs for plain ones', async () => {
  const row = 2 * CONFIG.hidden;
  const of = (algorithm: string, us: number, more: object) => ({
    ...{
      operation: 'all_reduce_rms_norm',
      algorithm,
      bytes: row,
      dtype: 'bf16',
      world_size: 2,
      hidden: CONFIG.hidden,
    },
    ...{ mode: 'replay', us },
    ...more,
  });
  const path = join(folder(), 'set.json');
  const measured = [
    of('a', 10, { quantization: 'none' }),
    of('b', 8, {}),
    of('c', 5, { quantization: 'none', lossy: true }),
  ];
  writeFileSync(path, JSON.stringify(measured));
  const { groups } = await byFiles([path, '--batch', '1', '--step-us', '1000']);
  expect(groups).toHaveLength(1);
  expect(groups[0]!.rows.map(({ algorithm, stepUs }) => [algorithm, stepUs])).toEqual([
    ['a', 1000 + 2 * SITES],
    ['b', 1000],
  ]);
});

it.each<[what: string, args: string[], error: RegExp]>([
  ['another world size', ['--ranks', '4'], /on 4 ranks, hidden 256, .*there is all_reduce x2 bf16 replay$/m],
  ['an algorithm that is not there', ['--against', 'x'], /against is "x".*use one of a, b, c$/m],
  ['a plan as well', ['--plan', 'plan.json'], /--plan and files are two ways/],
  ['a cap', ['--fusion-cap-mb', '1'], /--fusion-cap-mb is for plans.*crossover check/],
  ['no GPU', [], /name no GPU; use --gpu with one of .*, or --step-us/],
])('refused of files: %s', async (what, args, message) => {
  const gpu = what === 'no GPU' ? [] : ['--gpu', 'H200'];
  const path = measurements('all_reduce', ['']);
  const { code, out, error } = await ask(['predict', '--model', 'tiny', path, ...args, ...gpu]);
  expect({ code, out }).toEqual({ code: 2, out: '' });
  expect(error).toMatch(message);
});

it('reads what other programs print', async () => {
  const path = join(ROOT, 'test/data/interop/fused_collective_tp8_default.txt');
  const { code, out } = await ask(['predict', '--model', 'llama-3.1-70b', '--gpu', 'H200', path]);
  expect(code).toBe(0);
  expect(out).toMatch(/^ +64 {2}flashinfer_trtllm_fused_one_shot .* 0\.0 %$/m);
  expect(out).toMatch(/^not measured: batch 1, 8$/m);
});
