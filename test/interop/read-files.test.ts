/** @file readMeasurements: files and standard input, several runs in one, what is of no format, and memory. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { CrossoverError } from '../../dist/errors.js';
import { readMeasurements } from '../../dist/interop/read/index.js';
import {
  ALL_REDUCE,
  CSV,
  CUSTOM,
  communicatorsJson,
  communicatorsTable,
  complaints,
  data,
  FUSED,
  P2P,
  read,
  values,
} from './support/inputs.ts';

/** Paths of files with these texts. */
function files(texts: Readonly<Record<string, string>>): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'crossover-import-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return Object.entries(texts).map(([name, text]) => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  });
}

describe('readMeasurements', () => {
  it('reads all files into one set, with the file and the line of each', async () => {
    const [nccl, fused] = files({ 'nccl.txt': ALL_REDUCE, 'fused.txt': FUSED }) as [string, string];
    const set = await readMeasurements([nccl, fused]);
    expect(set.schema).toBe(1);
    expect(set.measurements).toHaveLength(34 + 25);
    expect(set.measurements[0]!.source).toEqual({ file: nccl, line: 14 });
    expect(set.measurements.at(-1)!.source).toEqual({ file: fused, line: 72 });
    expect(set.files.map(({ formats }) => formats)).toEqual([
      ['nccl-tests text'],
      ['vLLM benchmark_fused_collective'],
    ]);
  });

  it('reads everything that was pasted into one file, in any order', () => {
    const parts = [
      ALL_REDUCE,
      FUSED,
      CSV,
      communicatorsTable(),
      P2P,
      CUSTOM,
      communicatorsJson(),
      data('interop/all_gather_4xh200.json'),
    ];
    const counts = parts.map((part) => read(part).measurements.length);
    const sum = counts.reduce((a, b) => a + b, 0);
    for (const all of [parts, parts.toReversed()]) {
      const set = read(all.join('\n$ cat next\n'));
      expect(set.measurements).toHaveLength(sum);
      expect(set.matrices).toHaveLength(5);
      expect(set.files[0]!.formats).toHaveLength(8);
      expect(complaints(set).filter((one) => !one.includes('of two hosts'))).toEqual([]);
    }
  });

  it('gives the same for a file however it is cut into pieces', async () => {
    const noise = 'host:880:887 [0] NCCL INFO Channel 00/0 : 0[0] -> 1[1] via P2P/CUMEM é\n'.repeat(9000);
    const [path] = files({ 'log.txt': `${noise}${ALL_REDUCE}${noise}${ALL_REDUCE}` }) as [string];
    const set = await readMeasurements([path]);
    expect(set.measurements).toHaveLength(68);
    expect(values(set).slice(34)).toEqual(values(set).slice(0, 34));
    expect(set.measurements[0]!.source.line).toBe(9000 + 14);
  });

  it('reads a last line without an end, and a mark of byte order', async () => {
    const [path] = files({ 'own.csv': `\uFEFF${CSV.trimEnd()}` }) as [string];
    expect((await readMeasurements([path])).measurements).toHaveLength(3);
  });

  it('says what a file of no format begins with, and what would do', async () => {
    const [prose, empty] = files({ 'prose.txt': '\n  It was a dark night.\n', 'empty.txt': '' }) as [
      string,
      string,
    ];
    await expect(readMeasurements([prose])).rejects.toThrow(
      `${prose} begins with "It was a dark night.", which is no known format; use one of: nccl-tests, text and JSON`,
    );
    await expect(readMeasurements([empty])).rejects.toThrow(`${empty} is empty; use one of`);
    await expect(readMeasurements(['/nowhere/a.txt'])).rejects.toThrow('cannot read /nowhere/a.txt: ENOENT');
    await expect(readMeasurements([tmpdir()])).rejects.toThrow(`cannot read ${tmpdir()}: EISDIR`);
  });

  it('goes on after such a file when it is asked to', async () => {
    const paths = files({ 'prose.txt': '{"a": 1}\n', 'nccl.txt': ALL_REDUCE });
    const failures: [string, CrossoverError][] = [];
    const set = await readMeasurements(paths, { onFailure: (file, error) => failures.push([file, error]) });
    expect(set.measurements).toHaveLength(34);
    expect(set.complaints).toEqual([]);
    expect(failures.map(([file]) => file)).toEqual([paths[0]]);
    expect(failures[0]![1].message).toContain('(line 1: the JSON that begins here has no known format');
  });

  it('keeps the first thousand complaints of a file and counts the others', () => {
    const row = '1024 512 bfloat16 sum -1 20.25\n';
    const set = read(`${ALL_REDUCE.slice(0, ALL_REDUCE.indexOf('        1024'))}${row.repeat(5000)}`);
    expect(set.complaints).toHaveLength(1001);
    expect(complaints(set).at(-1)).toContain('4000 more complaints about this file');
  });

  it('has a bound on measurements', () => {
    // Two measurements a row.
    const row = 'Rank 0 done, nGPUs:4, data size(KB) 256, 512, 36, my time:25.83us, nccl time:36.71us\n';
    expect(() => read(row.repeat(250_001))).toThrow('line 250001: more than 500000 measurements');
  });
});

/** Reads standard input, and prints what was found and the most memory that the process had, KiB. */
const CHILD = `
import { readMeasurements } from ${JSON.stringify(new URL('../../dist/interop/read/index.js', import.meta.url).href)};
const set = await readMeasurements(['-']);
console.log(JSON.stringify([set.measurements.length, set.complaints.length, process.resourceUsage().maxRSS]));
`;

describe('a log of 100 MB', () => {
  it('is read from standard input in less than 300 MB', { timeout: 30_000 }, async () => {
    const noise = Array.from(
      { length: 4000 },
      (_, i) =>
        `host-${i % 8}:528157:5282${i} [${i % 8}] NCCL INFO Channel ${i % 24}/0 : ${i % 8}[0] -> ${(i + 1) % 8}[0] via P2P/CUMEM/read\n`,
    ).join('');
    const piece = Buffer.from(noise + ALL_REDUCE + FUSED);
    const pieces = Math.ceil(100e6 / piece.length);
    const child = spawn(process.execPath, ['--input-type=module', '-e', CHILD], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    let out = '';
    child.stdout.on('data', (chunk) => (out += chunk));
    const closed = once(child, 'close');
    for (let i = 0; i < pieces; i++) if (!child.stdin.write(piece)) await once(child.stdin, 'drain');
    child.stdin.end();
    await closed;
    const [measurements, problems, memory] = JSON.parse(out) as [number, number, number];
    expect(measurements).toBe(pieces * (34 + 25));
    expect(problems).toBe(0);
    expect(memory).toBeLessThan(300 * 1024);
  });
});
