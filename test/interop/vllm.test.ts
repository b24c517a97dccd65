/** @file The readers of vLLM's benchmarks as measurements. */
import { describe, expect, it } from 'vitest';
import {
  CUSTOM,
  changed,
  communicatorsJson,
  communicatorsTable,
  complaints,
  FUSED,
  FUSED_STDOUT,
  markdownOf,
  read,
  values,
} from './support/inputs.ts';

describe('benchmark_fused_collective', () => {
  it('reads the published table', () => {
    const set = read(FUSED);
    expect(set.complaints).toEqual([]);
    expect(set.measurements).toHaveLength(25);
    expect(values(set)[2]).toEqual({
      operation: 'all_reduce_rms_norm',
      algorithm: 'flashinfer_trtllm_fused_one_shot',
      bytes: 32 * 8192 * 2,
      dtype: 'bf16',
      worldSize: 8,
      hidden: 8192,
      quantization: 'none',
      residual: false,
      mode: 'replay',
      us: 12,
    });
    expect(new Set(set.measurements.map(({ algorithm }) => algorithm))).toEqual(
      new Set([
        'unfused',
        'unfused_compiled',
        'flashinfer_trtllm_fused_one_shot',
        'flashinfer_trtllm_fused_two_shot',
      ]),
    );
  });

  it('reads the same from markdown', () => {
    const set = read(markdownOf(FUSED));
    expect(set.complaints).toEqual([]);
    expect(values(set)).toEqual(values(read(FUSED)));
  });

  it('reads what is printed to the terminal, with all names', () => {
    const set = read(FUSED_STDOUT);
    expect(complaints(set)).toEqual([
      expect.stringContaining('flashinfer_trtllm_fused_allreduce_rmsnorm_twoshot failed'),
    ]);
    expect(values(set).map((one) => [one.algorithm, one.quantization, one.us])).toEqual([
      ['unfused_native', 'none', 71],
      ['unfused', 'none', 46],
      ['unfused_compiled', 'none', 44],
      ['flashinfer_trtllm_fused_one_shot', 'none', 21],
      ['flashinfer_mnnvl_fused_two_shot', 'none', 33],
      ['unfused_native', 'f8e4m3_static', 83],
      ['unfused_native_norm_custom_quant', 'f8e4m3_static', 80],
      ['unfused', 'f8e4m3_static', 52],
      ['unfused_compiled', 'f8e4m3_static', 50],
      ['flashinfer_trtllm_fused_one_shot', 'f8e4m3_static', 24],
      ['unfused', 'nvfp4', 61],
      ['flashinfer_trtllm_fused_two_shot', 'nvfp4', 39],
    ]);
    expect(values(set)[0]).toMatchObject({ worldSize: 4, hidden: 8192, residual: true, dtype: 'bf16' });
  });

  it('takes names with one underscore or two, and as titles', () => {
    const titles = FUSED_STDOUT.replace(/^(?:standard|flashinfer)\w+/gm, (name) =>
      name.replaceAll('_', ' ').replace(/\b[a-z]/g, (letter) => letter.toUpperCase()),
    );
    expect(values(read(titles))).toEqual(values(read(FUSED_STDOUT)));
    const one = FUSED_STDOUT.replaceAll('allreduce__', 'allreduce_');
    expect(values(read(one))).toEqual(values(read(FUSED_STDOUT)));
  });

  it('needs the world size: from the log, or from the caller', () => {
    const silent = FUSED_STDOUT.split('\n').slice(1).join('\n');
    expect(read(silent).measurements).toEqual([]);
    expect(complaints(read(silent))).toEqual([expect.stringContaining('say it with --ranks')]);
    expect(values(read(silent, { worldSize: 4 }))).toEqual(values(read(FUSED_STDOUT)));
  });

  it('does not carry the head of one run into another', () => {
    const second = FUSED_STDOUT.split('\n').slice(1).join('\n');
    expect(read(`${FUSED}\n${CUSTOM}\n${second}`).measurements).toHaveLength(25 + 30);
  });

  it.each([
    [
      'a configuration without its number',
      { 7: 'Configuration: seq_len=, dtype=bfloat16, no residual' },
      7,
      'cannot be read',
    ],
    [
      'a cut number of tokens',
      { 7: 'Configuration: seq_len=3, dtype=bfloat16, no residual' },
      9,
      'are not 0.50 MB',
    ],
    ['a missing configuration', { 17: 'Warmup' }, 19, 'belongs to no configuration'],
    [
      'a type of no size',
      { 7: 'Configuration: seq_len=32, dtype=complex64, no residual' },
      11,
      'the type complex64',
    ],
  ])('complains about %s, and reads the other tables', (_, changes, line, message) => {
    const set = read(changed(FUSED, changes as Record<number, string>));
    expect(complaints(set)).toHaveLength(1);
    expect(complaints(set)[0]).toMatch(new RegExp(`^${line}: `));
    expect(complaints(set)[0]).toContain(message);
    expect(set.measurements).toHaveLength(21);
  });

  it.each([
    ['a row that is cut', { 12: 'Standard Allreduce Rmsnorm 0.029' }, 1, 'is no whole row'],
    [
      'a row that is wrapped',
      { 14: 'Flashinfer Fused Allreduce Rmsnorm\nOneshot 0.012 2.44x' },
      2,
      'is no whole row',
    ],
    ['a name that is unknown', { 12: 'Standard Allreduce Layernorm 0.029 1.00x' }, 1, 'has no known name'],
    ['a time of 0', { 12: 'Standard Allreduce Rmsnorm 0.000 1.00x' }, 1, 'a time of 0 us is none'],
  ])('complains about %s, and reads the other rows', (_, changes, many, message) => {
    const set = read(changed(FUSED, changes as Record<number, string>));
    expect(complaints(set)).toHaveLength(many);
    expect(complaints(set)[0]).toContain(message);
    expect(set.measurements).toHaveLength(24);
  });

  it('complains about rows whose head is missing', () => {
    const set = read(changed(FUSED, { 11: undefined }));
    expect(set.measurements).toHaveLength(21);
    expect(complaints(set)).toHaveLength(4);
    expect(complaints(set)[0]).toContain('no head of a table above it');
  });
});

describe('benchmark_device_communicators', () => {
  it('reads JSON, with the names that algorithms have here', () => {
    const set = read(communicatorsJson());
    expect(set.complaints).toEqual([]);
    expect(set.measurements).toHaveLength(19);
    expect(values(set)[0]).toEqual({
      operation: 'all_reduce',
      algorithm: 'vllm_custom_1stage',
      bytes: 16 * 8192 * 2,
      dtype: 'bf16',
      worldSize: 8,
      mode: 'replay',
      us: 8.2,
    });
    expect(
      values(set)
        .filter(({ bytes }) => bytes === 2 ** 18)
        .map(({ algorithm }) => algorithm),
    ).toEqual([
      'vllm_custom_1stage',
      'vllm_custom_2stage',
      'flashinfer_trtllm',
      'nccl',
      'nccl_symmetric',
      'torch_symm_mem_multimem',
      'torch_symm_mem_two_shot',
    ]);
  });

  it('reads the same from its table, to three decimals of ms', () => {
    const table = read(communicatorsTable());
    expect(table.complaints).toEqual([]);
    expect(values(table)).toEqual(
      values(read(communicatorsJson())).map((one) => ({
        ...one,
        us: Number((Number((one.us / 1e3).toFixed(3)) * 1e3).toPrecision(6)),
      })),
    );
  });

  const table = communicatorsTable();
  const row = table.split('\n')[7]!;

  it.each([
    ['spaces taken out', { 8: row.replaceAll(/ {2,}/g, ' ') }, 'not where the head says'],
    ['a cell moved', { 8: row.replace('N/A ', 'N/A') }, 'not where the head says'],
    ['a row cut', { 8: row.slice(0, 90) }, 'not where the head says'],
    ['a word for a time', { 8: row.replace('0.020', 'x.020') }, 'expected ms or N/A'],
    ['another size', { 8: row.replace('0.25 MB', '0.26 MB') }, 'not 0.26 MB of bf16'],
  ])('complains about a row with %s', (_, changes, message) => {
    const set = read(changed(table, changes as Record<number, string>));
    expect(complaints(set)).toHaveLength(1);
    expect(complaints(set)[0]).toMatch(/^8: /);
    expect(complaints(set)[0]).toContain(message);
    expect(set.measurements).toHaveLength(12);
  });

  it('does not read a table whose columns cannot be told apart, or that no line describes', () => {
    const narrow = read(table.replaceAll(/ {2,}/g, ' '));
    expect(narrow.measurements).toEqual([]);
    expect(complaints(narrow)).toEqual([expect.stringContaining('columns cannot be told apart')]);
    const anonymous = read(changed(table, { 4: undefined }));
    expect(anonymous.measurements).toEqual([]);
    expect(complaints(anonymous)).toEqual([expect.stringContaining('no line "World Size')]);
  });

  it('complains about times that are none in JSON', () => {
    const set = read(
      communicatorsJson().replace('0.0082', 'NaN').replace('0.0514', '-0.05').replace('0.0302', '"x"'),
    );
    expect(complaints(set)).toEqual([
      expect.stringContaining('a time of NaN us is none'),
      expect.stringContaining('a time of -50 us is none'),
      expect.stringContaining('the time of symm_mem_multimem is no number'),
    ]);
    expect(set.measurements).toHaveLength(16);
  });
});

describe('custom_all_reduce_test', () => {
  it('reads both times of every row', () => {
    const set = read(CUSTOM);
    expect(set.complaints).toEqual([]);
    expect(set.measurements).toHaveLength(30);
    expect(values(set).slice(0, 2)).toEqual([
      { ...values(set)[0], algorithm: 'vllm_custom', bytes: 1024, worldSize: 4, dtype: 'f16', us: 10.29 },
      { ...values(set)[1], algorithm: 'nccl', inPlace: true, mode: 'eager', us: 9.14 },
    ]);
  });

  it('takes the other spelling, and counts results that did not match', () => {
    const set = read(
      [
        'Rank 0 done, nGPUs:8, sz (kb): 512, 512, 36, my time:9.43us, nccl time:24.09us',
        'Rank 2: Verification mismatch at 11: 3.140625 != (my) 3.125000, gt=3.142000',
        'Rank 2: Verification mismatch at 12: 3.140625 != (my) 3.125000, gt=3.142000',
        'Test passed: nGPUs:8, sz (kb): 1024, 512, 36',
        'Rank 0 done, nGPUs:8, sz (kb): 1024, 512, 36, my time:12.8, nccl time:30.11us',
        'Rank 0 done, nGPUs:8, sz (kb): 2048, 512, 36, my time:20.1us, nccl time:41.00us',
      ].join('\n'),
    );
    expect(values(set).map(({ bytes, worldSize, us }) => [bytes, worldSize, us])).toEqual([
      [2 ** 19, 8, 9.43],
      [2 ** 19, 8, 24.09],
      [2 ** 21, 8, 20.1],
      [2 ** 21, 8, 41],
    ]);
    expect(complaints(set)).toEqual([
      '2: 2 results of rank 2 or others did not match the reference; the times beside were read all the same',
      expect.stringMatching(/^5: .* is no row/),
    ]);
  });
});
