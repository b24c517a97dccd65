/** @file The reader of vLLM's custom_all_reduce_test. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readVllmCustomAllReduce } from '../../dist/interop/read/vllm-custom-all-reduce.js';

const text = readFileSync(new URL('../data/custom_all_reduce_test_4x4090.txt', import.meta.url), 'utf8');
const ROW = 'Rank 0 done, nGPUs:4, data size(KB) 256, 512, 36, my time:25.83us, nccl time:36.71us';

describe('readVllmCustomAllReduce', () => {
  it('reads the published log', () => {
    const rows = readVllmCustomAllReduce(text);
    expect(rows).toHaveLength(15);
    expect(rows[0]).toEqual({
      rank: 0,
      ranks: 4,
      bytes: 1024,
      threads: 512,
      blocks: 36,
      vllm: 10.29,
      nccl: 9.14,
    });
    expect(rows.at(-1)).toMatchObject({ bytes: 2 ** 24, vllm: 1171.32, nccl: 995.06 });
  });

  it('passes over other lines and takes either line ending', () => {
    expect(
      readVllmCustomAllReduce(`mpirun\r\n  ${ROW}  \r\naverage abs diffs: nccl: 0.002 me: 0.001\r\n`),
    ).toHaveLength(1);
  });

  it.each([
    ['a letter in a time', ROW.replace('25.83', '25.B3')],
    ['a letter in a size', ROW.replace('256', '2x6')],
    ['a row cut short', ROW.slice(0, 60)],
    ['a negative time', ROW.replace('36.71', '-36.71')],
    ['a time of 0', ROW.replace('36.71', '0')],
    ['one GPU', ROW.replace('nGPUs:4', 'nGPUs:1')],
  ])('names the line of %s', (_, row) => {
    expect(() => readVllmCustomAllReduce(`${ROW}\n${row}\n`)).toThrow(/^line 2: /);
  });

  it('refuses what is no such log', () => {
    expect(() => readVllmCustomAllReduce('hello')).toThrow(/use the output of custom_all_reduce_test/);
  });
});
