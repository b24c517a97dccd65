/** @file Ours against peers: which row counts as ours, the ratios, and the mean at the end. */
import { describe, expect, test } from 'vitest';
import type { BenchRow } from '../../dist/bench/program.js';
import { compareWithPeers, formatVersus, geometricMean } from '../../dist/report/versus-tables.js';

function row(algorithm: string, bytes: number, us: number, tunables: Record<string, number> = {}): BenchRow {
  return {
    algorithm,
    tunables,
    bytes,
    us,
    count: bytes / 4,
    spread: 0,
    samples: 9,
    wrong: 0,
    meanDifference: 0,
    relativeError: 0,
  };
}

const ROWS = [
  row('push', 1024, 2, { threads: 128 }),
  row('pull', 1024, 3),
  row('nccl', 1024, 8),
  row('nccl_symmetric', 1024, 4),
  row('push', 4096, 9),
  row('pull', 4096, 6),
  row('nccl', 4096, 3),
];

describe('comparing', () => {
  test('the fastest that is no peer counts as ours, and the fastest peer against it', () => {
    const [small, large] = compareWithPeers(ROWS, ['nccl', 'nccl_symmetric']);
    expect(small).toMatchObject({
      bytes: 1024,
      ours: { algorithm: 'push' },
      bestPeer: { us: 4 },
      ratio: 0.5,
    });
    expect(large).toMatchObject({ bytes: 4096, ours: { algorithm: 'pull' }, bestPeer: { us: 3 }, ratio: 2 });
    expect(large!.peers).toEqual([ROWS[6], undefined]);
  });

  test("another library's algorithm is never ours, a peer or not", () => {
    expect(compareWithPeers(ROWS.slice(2), ['nccl'])[0]!.ours).toBeUndefined();
    expect(compareWithPeers(ROWS, ['push'])[0]).toMatchObject({ ours: { algorithm: 'pull' }, ratio: 1.5 });
  });
});

test('the geometric mean', () => {
  expect(geometricMean([0.5, 2])).toBeCloseTo(1, 12);
  expect(geometricMean([3])).toBeCloseTo(3, 12);
});

test('the table', () => {
  expect(formatVersus(ROWS, ['nccl', 'nccl_symmetric']).split('\n')).toEqual([
    ' size  best ours us  algorithm         nccl us  ratio  nccl_symmetric us  ratio  best peer us  ratio',
    '1 KiB          2.00  push threads=128     8.00   0.25               4.00   0.50          4.00   0.50',
    '4 KiB          6.00  pull                 3.00   2.00                  -      -          3.00   2.00',
    'geometric mean 1.00 over 2 sizes, worst 2.00',
  ]);
  expect(formatVersus(ROWS.slice(0, 2), ['nccl'])).toContain('no size at which both');
});

test('NCCL with a norm kernel behind it is not ours, either', () => {
  const rows = [row('unfused_nccl', 1024, 1), row('two_shot', 1024, 2), row('unfused_two_shot', 1024, 3)];
  expect(compareWithPeers(rows, ['unfused_two_shot'])[0]!.ours?.algorithm).toBe('two_shot');
});
