/** @file `crossover import`: what it prints and writes, and how it ends. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { ask, folder, MAIN, start } from './crossover.ts';

function path(name: string): string {
  return fileURLToPath(new URL(`../data/${name}`, import.meta.url));
}

const NCCL = path('interop/all_reduce_4xh200.txt');
const FUSED = path('interop/fused_collective_tp8_default.txt');
const P2P = path('p2pBandwidthLatencyTest_4x4090.txt');

test('prints what files were read as, series, matrices and the host', async () => {
  const { code, out, error } = await ask(['import', NCCL, FUSED, P2P]);
  expect({ code, error }).toEqual({ code: 0, error: '' });
  expect(out).toContain(`${NCCL}  `);
  expect(out).toMatch(/^all_reduce +nccl +4 +bf16 +- +- +apart +eager +1K +64M +17 +18\.8 - 323$/m);
  expect(out).toMatch(
    /^all_reduce_rms_norm +flashinfer_trtllm_fused_one_shot +8 +bf16 +8192 +none, no residual +- +replay +512K +4M +4 +12\.0 - 64\.0$/m,
  );
  expect(out).toMatch(/^unidirectional GB\/s +enabled +4 +26\.32 - 26\.33$/m);
  expect(out).toMatch(/^nccl +2\.28\.3$/m);
  expect(out).toMatch(/^Complaints\n.*gpu is NVIDIA GeForce RTX 4090 here, and NVIDIA H200 before/m);
});

test('writes a set that it reads again, and prints data', async () => {
  const cwd = folder();
  const written = await ask(['import', NCCL, '-o', 'set.json', '--json'], { cwd });
  expect(written.code).toBe(0);
  expect(JSON.parse(written.out)).toEqual(JSON.parse(readFileSync(join(cwd, 'set.json'), 'utf8')));
  const again = await ask(['import', 'set.json', '--json'], { cwd });
  expect(again.code).toBe(0);
  expect(JSON.parse(again.out).measurements).toEqual(JSON.parse(written.out).measurements);
});

test('reads standard input, and takes what it does not say from options', async () => {
  const { child, ended } = start(['import', '-', '--operation', 'all_gather', '--ranks', '8']);
  child.stdin!.end('algorithm,bytes,us\nring,1024,3.5\n');
  const { code, out } = await ended;
  expect(code).toBe(0);
  expect(out).toMatch(/^all_gather +ring +8 /m);
});

test('prints twenty complaints, and counts the others', async () => {
  const cwd = folder();
  const row = 'a,1K,2,3\n';
  writeFileSync(join(cwd, 'own.csv'), `algorithm,bytes,world_size,us\n${row.repeat(30)}a,1024,2,3\n`);
  const { code, out } = await ask(['import', 'own.csv'], { cwd });
  expect(code).toBe(0);
  expect(out.match(/^own\.csv:\d+: bytes is "1K"/gm)).toHaveLength(20);
  expect(out).toMatch(/^and 10 more$/m);
});

test('a file that nothing can be read from is exit code 1, and the others are printed', async () => {
  const cwd = folder();
  writeFileSync(join(cwd, 'prose.txt'), 'It was a dark night.\n');
  writeFileSync(join(cwd, 'head.csv'), 'algorithm,bytes,us\n');
  const { code, out, error } = await ask(['import', 'prose.txt', 'head.csv', NCCL, 'gone.txt'], {
    cwd,
  });
  expect(code).toBe(1);
  expect(out).toMatch(/^all_reduce +nccl +4 /m);
  expect(error.trimEnd().split('\n')).toEqual([
    expect.stringMatching(/^error: prose\.txt begins with "It was a dark night\.", which is no known format/),
    expect.stringMatching(/^error: cannot read gone\.txt: ENOENT/),
    'error: head.csv has no measurement that can be read',
  ]);
});

test('results of decode and serve-bench are named in one short line', async () => {
  const cwd = folder();
  for (const benchmark of ['decode', 'serve-bench']) {
    writeFileSync(join(cwd, `${benchmark}.json`), JSON.stringify({ benchmark, rows: [] }, null, 2));
    for (const line of ['import', 'export --for vllm', 'check --engine vllm', 'predict --model tiny']) {
      const { code, error } = await ask([...line.split(' '), `${benchmark}.json`], { cwd });
      expect(code).toBe(1);
      const shown = benchmark === 'decode' ? '' : '; "crossover report" shows such files';
      expect(error).toBe(
        `error: ${benchmark}.json is a result of crossover ${benchmark}, which has no measurements of collectives${shown}\n`,
      );
    }
  }
});

test('measurements beside such a result are read', async () => {
  const cwd = folder();
  writeFileSync(
    join(cwd, 'both.txt'),
    `{ "benchmark": "decode", "rows": [] }\n${readFileSync(NCCL, 'utf8')}`,
  );
  const { code, out } = await ask(['import', 'both.txt'], { cwd });
  expect(code).toBe(0);
  expect(out).toMatch(/^all_reduce +nccl +4 /m);
  expect(out).toMatch(/^both\.txt:1: what begins here is a result of crossover decode/m);
});

test('a file that was there survives when the new one cannot be written', async () => {
  const cwd = folder();
  writeFileSync(join(cwd, 'set.json'), 'before');
  const run = spawnSync(
    'sh',
    ['-c', 'ulimit -f 2; exec "$0" "$@"', process.execPath, MAIN, 'import', NCCL, '-o', 'set.json'],
    { cwd, encoding: 'utf8' },
  );
  expect([run.status, run.stderr]).toEqual([1, 'error: cannot write set.json: EFBIG: file too large\n']);
  expect(readFileSync(join(cwd, 'set.json'), 'utf8')).toBe('before');
  expect(readdirSync(cwd)).toEqual(['set.json']);
});

test('-o /dev/stdout prints data behind the tables', async () => {
  const { child, ended } = start(['import', NCCL, '-o', '/dev/stdout', '--json']);
  child.stdin!.end();
  const { code, out, error } = await ended;
  expect([code, error]).toEqual([0, '']);
  expect(out.slice(0, out.length / 2)).toBe(out.slice(out.length / 2));
});

test('refuses wrong use with exit code 2', async () => {
  for (const args of [
    ['import'],
    ['import', NCCL, '--ranks', 'four'],
    ['import', NCCL, '--operation', 'sum'],
    ['import', NCCL, '-o', '/nowhere/set.json'],
  ]) {
    const { code, error } = await ask(args);
    expect(code).toBe(2);
    expect(error.trimEnd().split('\n')).toHaveLength(1);
  }
});
