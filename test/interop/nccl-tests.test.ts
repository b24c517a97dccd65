/** @file The readers of nccl-tests: text of all versions, JSON, and what they say about lines that do not add up. */
import { describe, expect, it } from 'vitest';
import { busFactor } from '../../dist/interop/measurement.js';
import { ALL_REDUCE, changed, complaints, data, read, values } from './support/inputs.ts';

const HEAD = `# nThread 1 nGpus 2 minBytes 8 maxBytes 1048576 step: 2(factor) warmup iters: 5 iters: 20 agg iters: 1 validation: 1 graph: 0
#
# Using devices
#   Rank  0 Pid   5092 on GENOA-06 device  0 [0x21] NVIDIA GeForce RTX 5090
#   Rank  1 Pid   5092 on GENOA-06 device  1 [0x41] NVIDIA GeForce RTX 5090
#
`;
/** Columns of 2.10 to 2.17; a shell's prompt before them. */
const NEWER = `$ ./build/all_reduce_perf -b 8 -e 1M -f 2 -g 2
${HEAD}#                                                              out-of-place                       in-place
#       size         count      type   redop    root     time   algbw   busbw #wrong     time   algbw   busbw #wrong
#        (B)    (elements)                               (us)  (GB/s)  (GB/s)            (us)  (GB/s)  (GB/s)
     1048576        262144     float     sum      -1    105.9    9.90    9.90      0    105.7    9.92    9.92    N/A
# Out of bounds values : 0 OK
# Avg bus bandwidth    : 9.91
`;
/** Columns of 2.0 to 2.9: of each program its own, and a largest error. */
const OLDEST = `$ all_gather_perf -b 1M -e 1M -g 2
${HEAD}#                                             out-of-place                       in-place
#       size         count    type             time   algbw   busbw  error     time   algbw   busbw  error
#        (B)    (elements)                     (us)  (GB/s)  (GB/s)            (us)  (GB/s)  (GB/s)
     1048576        131072   float            123.4    8.50    4.25  0e+00    119.9    8.75    4.37  0e+00
# Out of bounds values : 0 OK
`;

describe('nccl-tests text', () => {
  const set = read(ALL_REDUCE, { file: 'all_reduce.txt' });

  it('reads a run: rows out of place and in place, ranks, versions', () => {
    expect(set.measurements).toHaveLength(34);
    expect(set.measurements[0]).toEqual({
      operation: 'all_reduce',
      algorithm: 'nccl',
      bytes: 1024,
      dtype: 'bf16',
      worldSize: 4,
      inPlace: false,
      mode: 'eager',
      us: 20.25,
      source: { file: 'all_reduce.txt', line: 14 },
    });
    expect(set.measurements.at(-1)).toMatchObject({ bytes: 67108864, inPlace: true, us: 323.06 });
    expect(set.host).toEqual({ gpu: 'NVIDIA H200', nccl: '2.28.3', nccl_tests: '2.19.6' });
    expect(set.files).toEqual([{ file: 'all_reduce.txt', formats: ['nccl-tests text'] }]);
    expect(set.complaints).toEqual([]);
  });

  it.each(['all_reduce', 'all_gather'])('computes the bus bandwidths that %s printed', (name) => {
    const text = data(`interop/${name}_4xh200.txt`);
    const lines = text.split('\n');
    const { measurements } = read(text);
    expect(measurements).toHaveLength(34);
    for (const one of measurements) {
      const fields = lines[one.source.line - 1]!.trim().split(/\s+/);
      const printed = fields[one.inPlace ? 11 : 7]!;
      // The time has two decimals, so the last of a large bandwidth may differ.
      const bus = (one.bytes / one.us / 1e3) * busFactor(one.operation, one.worldSize)!;
      const slack = 0.0051 + (bus * 0.0051) / one.us;
      expect(Math.abs(bus - Number(printed))).toBeLessThanOrEqual(slack);
    }
  });

  it.each(['all_reduce', 'all_gather'])('reads the same from text and JSON of one run of %s', (name) => {
    const text = read(data(`interop/${name}_4xh200.txt`));
    const json = read(data(`interop/${name}_4xh200.json`));
    expect(json.complaints).toEqual([]);
    expect(json.host).toMatchObject({ gpu: 'NVIDIA H200', nccl: '2.28.3' });
    expect(values(json).map((one) => ({ ...one, us: 0 }))).toEqual(
      values(text).map((one) => ({ ...one, us: 0 })),
    );
    for (const [i, { us }] of json.measurements.entries()) {
      expect(Math.abs(us - text.measurements[i]!.us)).toBeLessThanOrEqual(0.005001);
    }
  });

  it('reads columns of newer and of the oldest versions', () => {
    expect(read(NEWER).complaints).toEqual([]);
    expect(values(read(NEWER))).toEqual([
      expect.objectContaining({
        operation: 'all_reduce',
        dtype: 'f32',
        worldSize: 2,
        inPlace: false,
        us: 105.9,
      }),
      expect.objectContaining({ inPlace: true, us: 105.7 }),
    ]);
    expect(read(OLDEST).complaints).toEqual([]);
    expect(values(read(OLDEST))).toEqual([
      expect.objectContaining({ operation: 'all_gather', bytes: 1048576, inPlace: false, us: 123.4 }),
      expect.objectContaining({ inPlace: true, us: 119.9 }),
    ]);
  });

  it('reads numbers as they are printed when they are large', () => {
    const row =
      ' 10737418240    2684354560     float     sum      -1   1.2e+06   8.95    8.95     -1    90330  118.87  118.87     -1';
    const set = read(changed(NEWER, { 11: row }));
    expect(set.complaints).toEqual([]);
    expect(set.measurements.map(({ us }) => us)).toEqual([1.2e6, 90330]);
  });

  it('knows other columns by their names: per iteration and timestamps', () => {
    const text = changed(NEWER, {
      9: '#       size         count      type   redop    root     time   algbw   busbw  #wrong   i_min   i_max     time   algbw   busbw  #wrong   i_min   i_max            timestamp',
      11: '     1048576        262144     float     sum      -1    105.9    9.90    9.90       0   101.0   119.0    105.7    9.92    9.92       0   101.0   118.2  2026-03-02 10:11:12',
    });
    expect(read(text).complaints).toEqual([]);
    expect(read(text).measurements.map(({ us }) => us)).toEqual([105.9, 105.7]);
  });

  it('takes CUDA graphs as replay, and -R 2 as symmetric', () => {
    const graph = NEWER.replace('graph: 0', 'graph: 4').replace('-g 2', '-g 2 -G 4 -R 2');
    expect(values(read(graph))[0]).toMatchObject({ algorithm: 'nccl_symmetric', mode: 'replay' });
    const local = NEWER.replace('-g 2', '--local_register=2');
    expect(values(read(local))[0]).toMatchObject({ algorithm: 'nccl_symmetric', mode: 'eager' });
    expect(values(read(NEWER.replace('-g 2', '-g 2 -R 1')))[0]).toMatchObject({ algorithm: 'nccl' });
  });

  it('reads logs of launchers, with carriage returns, colours and lines of NCCL between', () => {
    const text = NEWER.split('\n')
      .flatMap((line) => [
        `[1,0]<stdout>:\u001b[32m${line}\u001b[0m\r`,
        '[1,0]<stdout>:host:880:887 [0] NCCL INFO NCCL version 2.20.5+cuda12.4',
      ])
      .join('\n');
    expect(values(read(text))).toEqual(values(read(NEWER)));
    expect(read(text).host.nccl).toBe('2.20.5');
    const srun = NEWER.split('\n').map((line) => `0: ${line}`);
    expect(values(read(srun.join('\n')))).toEqual(values(read(NEWER)));
  });

  it('counts ranks of a group where the run was split into several', () => {
    const devices = [0, 1, 2, 3].map(
      (rank) => `#  Rank ${rank} Group ${rank % 2} Pid 1 on host device ${rank} [0000:00:06] NVIDIA H200`,
    );
    const text = changed(NEWER, { 5: devices.join('\n'), 6: undefined }).replace('nGpus 2', 'nGpus 4');
    expect(read(text).complaints).toEqual([]);
    expect(values(read(text))[0]).toMatchObject({ worldSize: 2 });
  });

  it('reads several runs in one file, each with its own program', () => {
    const set = read(`${ALL_REDUCE}\n${OLDEST}\n${data('interop/all_gather_4xh200.txt')}`);
    const kinds = set.measurements.map((one) => `${one.operation} ${one.worldSize}`);
    expect([...new Set(kinds)]).toEqual(['all_reduce 4', 'all_gather 2', 'all_gather 4']);
    expect(kinds).toHaveLength(34 + 2 + 34);
    expect(complaints(set)).toEqual([expect.stringMatching(/^\d+: gpu is NVIDIA GeForce RTX 5090 here/)]);
  });

  it('tells the collective by its columns where no line names the program', () => {
    const anonymous = (text: string): string => text.split('\n').slice(1).join('\n');
    const told = read(anonymous(NEWER));
    expect(values(told)).toHaveLength(2);
    expect(complaints(told)).toEqual([
      '10: no line above says which program printed this table; by its columns it is all_reduce',
    ]);
    const untold = read(anonymous(OLDEST));
    expect(untold.measurements).toEqual([]);
    expect(complaints(untold)[0]).toContain(
      'all_gather or all_to_all, and is not read; name it with --operation',
    );
    expect(values(read(anonymous(OLDEST), { operation: 'all_gather' }))).toHaveLength(2);
  });

  it('takes the world size from the caller where no line says it, and refuses one that does not fit', () => {
    const bare = changed(NEWER, { 2: undefined, 5: undefined, 6: undefined });
    expect(complaints(read(bare))[0]).toMatch(/^\d+: how many ranks ran cannot be told/);
    expect(read(bare).measurements).toEqual([]);
    expect(values(read(bare, { worldSize: 2 }))).toHaveLength(2);
    const wrong = read(bare, { worldSize: 8 });
    expect(wrong.measurements).toEqual([]);
    expect(complaints(wrong)[0]).toContain('9.90 GB/s is not that of all_reduce on 8 ranks');
    const lost = read(changed(ALL_REDUCE, { 9: undefined }));
    expect(lost.measurements).toEqual([]);
    expect(complaints(lost)).toEqual([expect.stringContaining('3 lines of devices, but 4 GPUs a process')]);
  });

  it.each([
    [
      'a missing column',
      { 14: '1024 512 bfloat16 sum -1 20.25 0.05 0.08 0 20.71 0.05 0.07' },
      14,
      '12 columns, expected 13',
    ],
    ['a cut number', { 20: ALL_REDUCE.split('\n')[19]!.replace('18.78', '18.7') }, 20, 'a number is cut'],
    [
      'a letter in a number',
      { 20: ALL_REDUCE.split('\n')[19]!.replace('18.78', '18.7B') },
      20,
      'expected numbers',
    ],
    [
      'a size of another row',
      { 20: ALL_REDUCE.split('\n')[19]!.replace(' 65536 ', ' 65532 ') },
      20,
      'is not 32768 elements',
    ],
    [
      'a cut size',
      { 20: ALL_REDUCE.split('\n')[19]!.replace(' 65536 ', ' 6553 ') },
      20,
      'is not 32768 elements',
    ],
    ['a time of 0', { 20: ALL_REDUCE.split('\n')[19]!.replace('18.78', ' 0.00') }, 20, 'expected numbers'],
    [
      'wrong results',
      { 20: ALL_REDUCE.split('\n')[19]!.replace(/0$/, '7') },
      20,
      '7 results in place were wrong',
    ],
    ['a failed check', { 31: '# Out of bounds values : 3 FAILED' }, 31, 'failed its check'],
  ])('complains about %s, by its line, and reads the rest', (_, changes, line, message) => {
    const set = read(changed(ALL_REDUCE, changes as Record<number, string>));
    expect(complaints(set)).toHaveLength(1);
    expect(complaints(set)[0]).toMatch(new RegExp(`^${line}: `));
    expect(complaints(set)[0]).toContain(message);
    expect(set.measurements.length).toBeGreaterThanOrEqual(32);
  });

  it('complains about both pieces of wrapped rows', () => {
    const wrapped = ALL_REDUCE.split('\n').flatMap((line, i) =>
      i >= 13 && i < 16 ? [line.slice(0, 75), line.slice(75)] : [line],
    );
    const set = read(wrapped.join('\n'));
    expect(set.measurements).toHaveLength(34 - 6);
    expect(complaints(set).map((one) => one.split(':')[0])).toEqual(['14', '15', '16', '17', '18', '19']);
  });

  it('does not read rows without a head, times of the CPU, or a program it does not know', () => {
    const headless = read(changed(ALL_REDUCE, { 12: undefined }));
    expect(headless.measurements).toEqual([]);
    expect(complaints(headless)).toHaveLength(17);
    const cpu = read(
      changed(ALL_REDUCE, { 12: ALL_REDUCE.split('\n')[11]!.replaceAll('   time', 'cputime') }),
    );
    expect(cpu.measurements).toEqual([]);
    expect(complaints(cpu)).toEqual([expect.stringContaining('run without -C')]);
    const other = read(ALL_REDUCE.replaceAll('all_reduce_perf', 'hypercube_perf'));
    expect(other.measurements).toEqual([]);
    expect(complaints(other)).toEqual([expect.stringContaining('hypercube_perf is none')]);
  });

  it('refuses rows below the head of another program', () => {
    const set = read(ALL_REDUCE.replaceAll('all_reduce_perf', 'all_gather_perf'));
    expect(set.measurements).toEqual([]);
  });
});

describe('nccl-tests JSON', () => {
  const json = data('interop/all_reduce_4xh200.json');
  const object = JSON.parse(json);
  const again = (changes: object): string => JSON.stringify({ ...object, ...changes });

  it('reads several objects in one file, on one line or on many', () => {
    const gather = JSON.stringify(JSON.parse(data('interop/all_gather_4xh200.json')), null, 2);
    const set = read(`${json}\n${gather}\n`);
    expect(set.measurements).toHaveLength(68);
    expect(set.measurements.at(-1)!.source.line).toBeGreaterThan(300);
    expect(read(json + gather).measurements).toHaveLength(68);
  });

  it('takes graphs, symmetric buffers and ranks of several processes from it', () => {
    const set = read(
      again({ args: [...object.args, '-R', '2'], config: { ...object.config, graph: 1, ngpus: 1 } }),
    );
    expect(values(set)[0]).toMatchObject({ algorithm: 'nccl_symmetric', mode: 'replay', worldSize: 4 });
    const contradiction = read(again({ config: { ...object.config, ngpus: 3 } }));
    expect(contradiction.measurements).toEqual([]);
    expect(complaints(contradiction)[0]).toContain('the bandwidths are of 4 ranks');
  });

  it('complains about errors, wrong results, times of the CPU and what is missing', () => {
    const [first, second, third, fourth] = object.results;
    const set = read(
      again({
        errors: ['unhandled cuda error'],
        results: [
          { ...first, out_of_place: { ...first.out_of_place, nwrong: 3 } },
          { ...second, in_place: { cpu_time: 1.5 } },
          { ...third, in_place: { ...third.in_place, time: 1.5 } },
          { ...fourth, size: 8190 },
          ...object.results.slice(4),
        ],
      }),
    );
    expect(set.measurements).toHaveLength(34 - 4);
    expect(complaints(set)).toEqual([
      expect.stringContaining('unhandled cuda error'),
      expect.stringContaining('3 results were wrong'),
      expect.stringContaining('cpu_time is of the CPU'),
      expect.stringContaining('4096 bytes in 1.5 us on 4 ranks are not'),
      expect.stringContaining('size 8190 is not 4096 elements'),
    ]);
    expect(complaints(read(again({ args: ['./other'] })))).toEqual([
      expect.stringContaining('args do not begin'),
    ]);
  });

  it('says that JSON is cut, and reads what follows', () => {
    const set = read(`${json.slice(0, 700)}\n${ALL_REDUCE}`);
    expect(set.measurements).toHaveLength(34);
    expect(complaints(set)).toEqual([
      expect.stringMatching(/^2: the JSON that begins in line 1 is broken here/),
    ]);
    expect(() => read(json.slice(0, -1))).toThrow(
      'no known format (line 1: the JSON that begins here is cut off',
    );
  });
});
