/** @file What scripts/gpu-table.mjs makes of results of bench/gpu.mjs. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';

const SCRIPT = fileURLToPath(new URL('../../scripts/gpu-table.mjs', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'crossover-gpu-table-'));
afterAll(() => rmSync(folder, { recursive: true }));

const RESULTS = {
  command: 'node bench/gpu.mjs --gpus 4',
  date: '2026-11-21T13:00:00.000Z',
  gpus: 4,
  fingerprint: { engine: 'cuda', device: { name: 'GPU of a test', driver: '1.2.3' } },
  versions: { crossover: '0.1.0', node: 'v20.20.2' },
  peers: { device: 'GPU of a test', torch: '2.0', nccl: '2.28.9' },
  linkGBs: 351,
  failures: ['all_gather: no time for 1 of 2 sizes'],
  rows: [
    {
      operation: 'all_reduce',
      bytes: 8192,
      us: 1.75,
      algorithm: 'one_shot_push',
      bestPeer: { peer: 'flashinfer_one_shot', us: 2.5, recorded: true },
      ratio: 0.7,
      met: true,
    },
    {
      operation: 'all_reduce',
      bytes: 64 << 20,
      us: 294.4,
      algorithm: 'two_shot_staged',
      bestPeer: { peer: 'nccl', us: 320 },
      ratio: 0.92,
      met: false,
    },
    { operation: 'all_gather', bytes: 1 << 20 },
    {
      operation: 'all_reduce_rms_norm',
      hidden: 4096,
      quantization: 'none',
      bytes: 8192,
      us: 2.5,
      algorithm: 'one_shot_push',
    },
  ],
};
const file = join(folder, 'bench-4-gpus.json');
writeFileSync(file, JSON.stringify(RESULTS));

function run(...args: string[]): { status: number | null; out: string; error: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [SCRIPT, ...args], { encoding: 'utf8' });
  return { status, out: stdout, error: stderr };
}

test('a table an operation, then how it was measured', () => {
  const { status, out } = run(file);
  expect(status).toBe(0);
  expect(out).toContain('**4 GPUs, all_reduce**');
  expect(out).toContain('| 8 KiB | 1.75 | one_shot_push | 2.50r | flashinfer_one_shot | 0.70 |');
  expect(out).toContain('| 64 MiB | 294 | two_shot_staged | 320 | nccl | 0.92 |');
  expect(out).toContain('| 1 MiB | - | - | - | - | - |');
  expect(out).toContain('**4 GPUs, all_reduce_rms_norm, hidden 4096, output none**');
  expect(out.trim().split('\n').at(-1)).toBe(
    '4 x GPU of a test, driver 1.2.3, torch 2.0, NCCL 2.28.9, crossover 0.1.0, Node v20.20.2, 2026-11-21, ' +
      '`node bench/gpu.mjs --gpus 4`. Links: 351 GB/s out of each GPU. r: a recorded figure, not of this run. ' +
      '1 of 2 targets met. Not timed: all_gather: no time for 1 of 2 sizes.',
  );
});

test('only the operations that are named', () => {
  const { out } = run('--operations', 'all_gather', file);
  expect(out).toContain('**4 GPUs, all_gather**');
  expect(out).not.toContain('all_reduce');
  expect(out).not.toContain('r: a recorded');
});

test('between the marks of a file, again and again', () => {
  const page = join(folder, 'page.md');
  writeFileSync(page, 'before\n<!-- gpu-table: begin -->\nold\n<!-- gpu-table: end -->\nafter\n');
  expect(run('--write', page, file).status).toBe(0);
  const once = readFileSync(page, 'utf8');
  expect(once).toMatch(/^before\n<!-- gpu-table: begin -->\n\*\*4 GPUs/);
  expect(once).toMatch(/\n<!-- gpu-table: end -->\nafter\n$/);
  expect(once).not.toContain('old');
  expect(run('--write', page, file).status).toBe(0);
  expect(readFileSync(page, 'utf8')).toBe(once);
});

test('a file without marks stays as it is', () => {
  const page = join(folder, 'bare.md');
  writeFileSync(page, 'nothing here\n');
  const { status, error } = run('--write', page, file);
  expect(status).not.toBe(0);
  expect(error).toContain('gpu-table: begin');
  expect(readFileSync(page, 'utf8')).toBe('nothing here\n');
});

test("README's marks are there", () => {
  const readme = readFileSync(fileURLToPath(new URL('../../README.md', import.meta.url)), 'utf8');
  const page = join(folder, 'readme.md');
  writeFileSync(page, readme);
  expect(run('--operations', 'all_reduce', '--write', page, file)).toMatchObject({ status: 0 });
});
