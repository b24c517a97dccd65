/** @file `crossover simulate`: what it prints for the published case, as data, and what it refuses. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { simulateCommand } from '../../dist/cli/commands/simulate.js';
import { CrossoverError } from '../../dist/errors.js';
import { aligned, wrapped } from '../../dist/report/table.js';
import { formatSize, parseSize, sizeRange } from '../../dist/units.js';

const data = (name: string): string => fileURLToPath(new URL(`../data/${name}`, import.meta.url));
const P2P = data('p2pBandwidthLatencyTest_4x4090.txt');
const MEASURED = data('custom_all_reduce_test_4x4090.txt');
const folder = mkdtempSync(join(tmpdir(), 'crossover-simulate-'));

afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(() => vi.restoreAllMocks());

function run(...args: string[]): string {
  let text = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    text += String(chunk);
    return true;
  });
  try {
    simulateCommand()
      .exitOverride()
      .configureOutput({ writeErr: () => {} })
      .parse(args, { from: 'user' });
  } finally {
    vi.restoreAllMocks();
  }
  return text;
}

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

describe('the published case', () => {
  const text = run('--p2p', P2P, '--measured', MEASURED);

  it('says what was fitted to what', () => {
    expect(text).toContain('# all_reduce on NVIDIA GeForce RTX 4090: 4 ranks, pcie, 26.33 GB/s');
    expect(text).toMatch(
      /# fitted: launch, latency, to 8 measurements up to 8K .* kept: read, write; no other row was fitted to/,
    );
  });

  it('says where the efficiencies come from, and does not once they are given', () => {
    expect(text).toContain('# reads and writes: constants, slopes of the 8M and 16M rows');
    expect(run('--p2p', P2P, '--read-efficiency', '0.8')).not.toContain('constants');
  });

  it('prints a row a size with the winner, and measured beside predicted', () => {
    expect(text).toMatch(/^size +one_shot +one_shot_push +two_shot +two_shot_push +ring +best$/m);
    expect(text).toMatch(/^ *16M .* two_shot_push$/m);
    expect(text).toMatch(/^ *16M +1171\.3 +\d+\.\d +-?\+?\d+\.\d +995\.06 /m);
    expect(text).toMatch(/two_shot: largest error from 256K up is [+-]\d+\.\d % at/);
    for (const line of text.split('\n')) expect(line).toBe(line.trimEnd());
  });

  it('answers why, and which algorithm would close the gap', () => {
    expect(text).toContain('Why: two_shot reads from its peers, ring writes.');
    expect(text).toContain('What would close the gap: two_shot_push');
  });
});

describe('data', () => {
  it('prints the same as JSON', () => {
    const result = JSON.parse(run('--p2p', P2P, '--measured', MEASURED, '--json'));
    expect(result.sizes).toHaveLength(15);
    expect(result.comparisons).toHaveLength(30);
    expect(result.fit.free).toEqual(['launch', 'latency']);
    expect(result.explanation.length).toBeGreaterThan(5);
  });

  it('takes sizes, algorithms, operation and ranks', () => {
    const args = ['--preset', 'h200-nvlink-4', '--ranks', '2', '-b', '8K', '-e', '128K', '-f', '4', '--json'];
    const result = JSON.parse(run(...args, '--operation', 'all_gather', '--algorithms', 'direct'));
    expect(result.sizes.map((s: { bytes: number }) => s.bytes)).toEqual([8192, 32768, 131072]);
    expect(Object.keys(result.sizes[0].us)).toEqual(['direct']);
    expect(result.topology.ranks).toHaveLength(2);
  });

  it('fits everything to a JSON list of a described host', () => {
    const topology = file('host.json', JSON.stringify(JSON.parse(run('--nvlink', '2', '--json')).topology));
    const measured = data('all_reduce_4xh200.json');
    expect(() => run('--topology', topology, '--measured', measured, '--fit', 'all')).not.toThrow();
    const result = JSON.parse(
      run('--preset', 'h200-nvlink-4', '--measured', measured, '--fit', 'all', '--json'),
    );
    expect(result.fit.free).toEqual(['launch', 'latency', 'read', 'write']);
    expect(run('--preset', 'h200-nvlink-4', '--measured', measured, '--fit', 'none')).toContain(
      '# nothing fitted',
    );
  });

  it('lets every parameter be set', () => {
    const args = [
      '--nvlink',
      '4',
      '--bandwidth',
      '300',
      '--latency',
      '2',
      '--launch',
      '3',
      '--read-efficiency',
      '0.6',
    ];
    const { topology } = JSON.parse(run(...args, '--write-efficiency', '0.7', '--json'));
    expect(topology.launch).toBe(3);
    expect(topology.efficiency).toEqual({ read: 0.6, write: 0.7 });
    expect(topology.links[0]).toMatchObject({ bandwidth: 300, latency: 1 });
  });
});

describe('refusals name the option or the line', () => {
  it.each([
    ['no host', [], /^0 hosts given; use one of --p2p/],
    ['two hosts', ['--nvlink', '4', '--preset', 'h200-nvlink-4'], /^2 hosts given/],
    ['no file', ['--p2p', '/nowhere/p2p.txt'], /^--p2p \/nowhere\/p2p.txt: ENOENT/],
    ['a count that is none', ['--nvlink', 'four'], /^--nvlink "four" is no number/],
    ['an efficiency of 0', ['--nvlink', '4', '--read-efficiency', '0'], /^--read-efficiency is 0/],
    ['a size that is none', ['--nvlink', '4', '-b', '8Q'], /^-b "8Q" is no size/],
    ['a range upside down', ['--nvlink', '4', '-b', '8M', '-e', '8K'], /^-e \(8K\) is below -b \(8M\)/],
    ['a factor of 1', ['--nvlink', '4', '-f', '1'], /^-f is 1/],
    [
      'an algorithm',
      ['--nvlink', '4', '--algorithms', 'rung'],
      /^--algorithms "rung" is not simulated for all_reduce; use one of one_shot/,
    ],
    [
      'another operation',
      ['--nvlink', '4', '--operation', 'all_gather', '--measured', MEASURED],
      /is a log of all-reduce/,
    ],
  ])('%s', (_, args, message) => {
    expect(() => run(...args)).toThrow(message);
    expect(() => run(...args)).toThrow(CrossoverError);
  });

  it('a truncated matrix', () => {
    const cut = file(
      'cut.txt',
      'Unidirectional P2P=Enabled Bandwidth (P2P Writes) Matrix (GB/s)\n  D\\D 0 1\n 0 900 26\n',
    );
    expect(() => run('--p2p', cut)).toThrow(/^--p2p \S+cut\.txt: line 4: .* ends after 1 of 2 rows/);
  });
});

describe('sizes and tables', () => {
  it('reads and writes sizes', () => {
    for (const [text, bytes] of [
      ['8', 8],
      ['256K', 262144],
      ['1.5M', 1572864],
      ['2G', 2 ** 31],
      ['4KiB', 4096],
    ] as const) {
      expect(parseSize(text, '-b')).toBe(bytes);
    }
    for (const text of ['', '0', '-1', '1.3', 'K', '1T', '9'.repeat(30)])
      expect(() => parseSize(text, '-b')).toThrow(/-b/);
    expect([1, 1000, 1024, 1572864, 2 ** 30].map(formatSize)).toEqual(['1', '1000', '1K', '1536K', '1G']);
    expect(sizeRange(1, 3, 1.1)).toEqual([1, 2, 3]);
  });

  it('aligns columns and breaks paragraphs', () => {
    expect(
      aligned([
        ['a', 'bb'],
        ['ccc', 'd'],
      ]),
    ).toEqual(['  a  bb', 'ccc   d']);
    expect(wrapped('one two three', 8)).toEqual(['one two', '  three']);
    expect(wrapped('  a table stays as it is', 8)).toEqual(['  a table stays as it is']);
  });
});
