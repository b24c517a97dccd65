/** @file One's own measurements, sets that were imported before, and crossover's own results. */
import { describe, expect, it } from 'vitest';
import { ALL_REDUCE, CSV, complaints, FUSED, P2P, P2P_FULL, read, result, values } from './support/inputs.ts';

describe('CSV', () => {
  it('reads columns in any order, and cells in quotation marks', () => {
    const set = read(CSV);
    expect(set.complaints).toEqual([]);
    expect(values(set)).toEqual([
      {
        operation: 'all_reduce',
        algorithm: 'one_shot',
        bytes: 8192,
        dtype: 'bf16',
        worldSize: 4,
        mode: 'replay',
        us: 4.31,
        spread: 0.02,
      },
      {
        operation: 'all_reduce',
        algorithm: 'ring, tuned',
        bytes: 1048576,
        dtype: 'bf16',
        worldSize: 4,
        mode: 'eager',
        us: 12.9,
      },
      {
        operation: 'all_reduce_rms_norm',
        algorithm: 'fused',
        bytes: 65536,
        dtype: 'bf16',
        worldSize: 4,
        hidden: 4096,
        quantization: 'f8e4m3_static',
        mode: 'replay',
        us: 7.75,
        spread: 0.1,
      },
    ]);
  });

  it('needs few columns, takes tabs and semicolons, and says what it passes over', () => {
    const set = read('algorithm;bytes;us;node\na;1024;1.5;x\n', { worldSize: 2, operation: 'all_gather' });
    expect(values(set)).toEqual([
      { operation: 'all_gather', algorithm: 'a', bytes: 1024, worldSize: 2, us: 1.5 },
    ]);
    expect(complaints(set)).toEqual([expect.stringMatching(/^1: the columns "node" are passed over/)]);
    expect(read('us\tbytes\talgorithm\tworld_size\n1.5\t8\ta\t2').measurements).toHaveLength(1);
  });

  it.each([
    ['a missing field', 'a,1024,2', '3 fields, expected 4'],
    ['a word for bytes', 'a,1K,2,1.5', 'bytes is "1K"; use a whole number'],
    ['a fraction of bytes', 'a,1.5,2,1.5', 'bytes is "1.5"'],
    ['bytes that no double has', 'a,9007199254740993,2,1.5', 'are no size'],
    ['a negative time', 'a,1024,2,-1.5', 'us is "-1.5"'],
    ['a time of 0', 'a,1024,2,0', 'a time of 0 us is none'],
    ['an endless time', 'a,1024,2,1e400', 'a time of Infinity us is none'],
    ['no algorithm', ',1024,2,1.5', 'algorithm is missing'],
    ['too many ranks', 'a,1024,1025,1.5', 'the world size is 1025; use 1 to 1024'],
    ['no ranks', 'a,1024,0,1.5', 'the world size is 0'],
    ['an open quotation mark', '"a,1024,2,1.5', 'a quotation mark is not closed'],
  ])('complains about %s', (_, row, message) => {
    const set = read(`algorithm,bytes,world_size,us\n${row}\nb,2048,2,3\n`);
    expect(complaints(set)).toEqual([expect.stringMatching(/^2: /)]);
    expect(complaints(set)[0]).toContain(message);
    expect(values(set)).toEqual([
      { operation: 'all_reduce', algorithm: 'b', bytes: 2048, worldSize: 2, us: 3 },
    ]);
  });

  it('says what operations, quantizations and modes there are', () => {
    const set = read(
      'operation,algorithm,bytes,world_size,us,quantization,mode\nallreduce,a,8,2,1,fp8,graph',
    );
    expect(complaints(set)[0]).toMatch(
      /use all_reduce, all_gather.*use none, f8e4m3_static.*use eager, replay/,
    );
  });

  it('ends where other text begins', () => {
    expect(read(`${CSV}\nas measured on Tuesday\nthat is, before noon\n`).complaints).toEqual([]);
    expect(read(`${CSV}${ALL_REDUCE}`).measurements).toHaveLength(3 + 34);
  });
});

describe('JSON', () => {
  const one = { algorithm: 'a', bytes: 1024, us: 1.5, world_size: 2 };

  it('reads an array, an object with measurements, and lines with one each', () => {
    const expected = [{ operation: 'all_reduce', algorithm: 'a', bytes: 1024, worldSize: 2, us: 1.5 }];
    expect(values(read(JSON.stringify([one])))).toEqual(expected);
    expect(values(read(JSON.stringify({ source: 'mine', measurements: [one] })))).toEqual(expected);
    expect(
      values(read(`${JSON.stringify(one)}\n${JSON.stringify({ ...one, worldSize: 4 })}\n`)),
    ).toHaveLength(2);
  });

  it('names the line of a field that is wrong', () => {
    const text = JSON.stringify([one, { ...one, us: '1.5 ms' }, { ...one, bytes: null }], null, 2);
    const set = read(text);
    expect(set.measurements).toHaveLength(1);
    expect(set.measurements[0]!.source.line).toBe(5);
    expect(complaints(set)).toEqual([
      '11: us is "1.5 ms"; use a number of us',
      expect.stringContaining('bytes is missing'),
    ]);
  });

  it('reads a set that was written before: places, host, matrices and complaints are kept', () => {
    const set = read(`${FUSED}\nStandard Allreduce Rmsnorm 0.029\n${P2P}`, { file: 'logs.txt' });
    expect(set.complaints).toHaveLength(1);
    const again = read(JSON.stringify(set, null, 1), { file: 'set.json' });
    expect({ ...again, files: set.files, matrices: [] }).toEqual({ ...set, matrices: [] });
    expect(again.matrices.map(({ source: _, ...rest }) => rest)).toEqual(
      set.matrices.map(({ source: _, ...rest }) => rest),
    );
    expect(again.files).toEqual([{ file: 'set.json', formats: ['crossover import'] }]);
  });

  it('says what JSON it does not know', () => {
    expect(() => read('{"a": 1, "b": 2}')).toThrow('it is an object with "a", "b"');
    expect(() => read('[]')).toThrow('an array of 0');
    expect(() => read(`${'['.repeat(100)}${']'.repeat(100)}`)).toThrow('no known format');
    expect(() => read(`[{"a": ${'['.repeat(100)}${']'.repeat(100)}}]`)).toThrow('at most 64 levels');
  });
});

describe("crossover's own", () => {
  it('reads every point of a plan, at its line', () => {
    const text = result('xeon-16-cores/plan-2-ranks.json');
    const plan = JSON.parse(text);
    const set = read(text);
    const points = plan.entries.flatMap((entry: { candidates: { points: unknown[] }[] }) =>
      entry.candidates.flatMap((candidate) => candidate.points),
    );
    expect(set.complaints).toEqual([]);
    expect(set.measurements).toHaveLength(points.length);
    expect(set.host.cpu).toBe(plan.fingerprint.host.cpu);
    const lines = text.split('\n');
    for (const { us, source } of set.measurements) expect(lines[source.line - 1]).toContain(String(us));
    expect(new Set(set.measurements.map(({ algorithm }) => algorithm.split(' ')[0]))).toContain(
      'crossover:two_shot',
    );
  });

  it('complains about a plan that is not valid', () => {
    const plan = JSON.parse(result('4xh200/plan-all-reduce-2-gpus.json'));
    plan.entries[0].key.worldSize = 'two';
    expect(complaints(read(JSON.stringify(plan)))).toEqual([
      expect.stringContaining('entries[0].key.worldSize'),
    ]);
  });

  it('reads what bench prints as data', () => {
    const set = read(result('xeon-16-cores/all-reduce-f32-2-ranks.json'));
    expect(set.measurements).toHaveLength(36);
    expect(values(set)[0]).toMatchObject({
      operation: 'all_reduce',
      algorithm: 'crossover:one_shot chunk_bytes=262144',
      bytes: 1024,
      dtype: 'f32',
      worldSize: 2,
      mode: 'replay',
    });
  });

  it('reads algorithms and peers of bench/gpu.mjs', () => {
    const set = read(result('4xh200/bench-4-gpus.json'));
    expect(set.complaints).toEqual([]);
    const at = values(set).filter(({ operation, bytes }) => operation === 'all_reduce' && bytes === 8192);
    expect(new Set(at.map(({ algorithm }) => algorithm.split(' ')[0]))).toEqual(
      new Set([
        'crossover:one_shot_push',
        'crossover:two_shot_quantized',
        'nccl',
        'nccl_symmetric',
        'torch_symm_mem_one_shot',
        'torch_symm_mem_two_shot',
        'flashinfer_trtllm_one_shot',
        'vllm_custom_1stage',
        'vllm_custom_2stage',
      ]),
    );
    expect(at[0]).toMatchObject({ worldSize: 4, dtype: 'bf16', mode: 'replay' });
    const lossy = at.filter((one) => one.lossy).map(({ algorithm }) => algorithm.split(' ')[0]);
    expect(lossy).toEqual(['crossover:two_shot_quantized']);
    const fused = values(set);
    expect(
      fused.filter(({ algorithm }) => algorithm === 'flashinfer_trtllm_fused_one_shot')[0],
    ).toMatchObject({
      operation: 'all_reduce_rms_norm',
      hidden: 4096,
      quantization: 'none',
      residual: true,
    });
  });
});

describe('p2pBandwidthLatencyTest', () => {
  it('reads matrices as such', () => {
    const set = read(P2P);
    expect(set.matrices.map(({ name, p2p, rows }) => [name, p2p, rows.length])).toEqual([
      ['connectivity', true, 4],
      ['unidirectional GB/s', false, 4],
      ['unidirectional GB/s', true, 4],
      ['bidirectional GB/s', false, 4],
      ['bidirectional GB/s', true, 4],
    ]);
    expect(set.host.gpu).toBe('NVIDIA GeForce RTX 4090');
    expect(read(P2P_FULL).matrices.map(({ name, p2p }) => [name, p2p])).toEqual([
      ['latency us', false],
      ['host latency us', false],
      ['unidirectional GB/s, by reads', true],
    ]);
  });

  it('complains about a matrix that is cut, and reads the next', () => {
    const lines = P2P.split('\n');
    const at = lines.findIndex((line) => line.startsWith('Unidirectional P2P=Enabled'));
    const set = read([...lines.slice(0, at - 1), ...lines.slice(at)].join('\n'));
    expect(complaints(set)).toEqual([`${at}: the unidirectional bandwidth matrix ends after 3 of 4 rows`]);
    expect(set.matrices).toHaveLength(4);
  });
});
