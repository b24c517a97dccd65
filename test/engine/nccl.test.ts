/**
 * @file How the CUDA engine calls NCCL, on hosts without GPUs: opening and closing by all ranks together, the arguments of every collective,
 * and what is said where it is missing. What NCCL itself does is tested on GPUs.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest';
import { launch } from '../../dist/group/launch.js';
import { program } from '../support/program.ts';
import type { NcclAnswers, NcclTest } from './programs/nccl.ts';

const folder = mkdtempSync(join(tmpdir(), 'crossover-nccl-'));
afterAll(() => rmSync(folder, { recursive: true }));

afterEach(() => vi.unstubAllEnvs());

const compiler = spawnSync('cc', ['--version']).status === 0;
const suffix = compiler ? '' : ' (skipped: no C compiler, cc)';

let made = 0;

/** Compiles the library that only writes down its calls. Returns its path, and what reads one rank's lines. */
function library(
  version: number,
  ...defines: string[]
): { path: string; lines(rank: number | '-'): string[] } {
  const path = join(folder, `libnccl-${made}.so`);
  const log = join(folder, `calls-${made++}.txt`);
  const source = fileURLToPath(new URL('programs/libnccl.c', import.meta.url));
  const macros = [`VERSION=${version}`, `LOG="${log}"`, ...defines].map((macro) => `-D${macro}`);
  execFileSync('cc', ['-shared', '-fPIC', '-o', path, ...macros, source]);
  return {
    path,
    lines: (rank) =>
      readFileSync(log, 'utf8')
        .split('\n')
        .filter((line) => line.startsWith(`${rank} `))
        .map((line) => line.slice(2)),
  };
}

function run(ranks: number, data: Partial<NcclTest> & Pick<NcclTest, 'libraries'>): Promise<NcclAnswers[]> {
  return launch<NcclAnswers>(program('programs/nccl.ts', import.meta.url), {
    ranks,
    data: { launches: [], end: 'leave', ...data },
  });
}

test('without NCCL, every rank says what is missing and what it costs', async () => {
  const nowhere = join(folder, 'libnccl.so.2');
  const launches = [
    { kernel: 'nccl_all_reduce', count: 1 },
    { kernel: 'nccl_all_to_all', count: 1 },
  ];
  const answers = await run(2, { libraries: [nowhere, nowhere], launches, end: 'close' });
  for (const { ordinary, symmetric, errors, failure, afterwards } of answers) {
    expect(ordinary).toMatch(/NCCL was not found; looked for .*libnccl\.so\.2 .*without it/);
    expect(symmetric).toBe(ordinary);
    expect(errors).toEqual([`nccl_all_reduce cannot run: ${ordinary}`, 'NCCL has no nccl_all_to_all']);
    expect(failure).toBeUndefined();
    expect(afterwards).toBe('NCCL was closed');
  }
});

describe.skipIf(!compiler)(`calls${suffix}`, () => {
  test('a rank without NCCL is named on all of them', async () => {
    const { path } = library(23007);
    const answers = await run(2, { libraries: [path, join(folder, 'none.so')] });
    for (const { ordinary } of answers) expect(ordinary).toMatch(/^on rank 1: NCCL was not found/);
  });

  test('ranks with different versions', async () => {
    const libraries = [library(23007).path, library(22809).path];
    const [answer] = await run(2, { libraries });
    expect(answer!.ordinary).toBe('rank 0 has NCCL 2.30.7 and rank 1 2.28.9; all must load the same');
  });

  test('a rank that cannot start NCCL makes the others give it up', async () => {
    const { path, lines } = library(23007, 'FAIL_RANK=1');
    const answers = await run(3, { libraries: [path, path, path] });
    const reason = 'on rank 1: ncclCommInitRankScalable: it did not work (2): socket closed';
    expect(answers.map(({ ordinary }) => ordinary)).toEqual([reason, reason, reason]);
    expect(
      lines(0)
        .filter((line) => line.startsWith('abort'))
        .sort(),
    ).toEqual(['abort 1000', 'abort 2000']);
    expect(lines(1).filter((line) => line.startsWith('abort'))).toEqual([]);
  });

  test('windows that are not registered', async () => {
    const { path, lines } = library(23007, 'NO_WINDOW');
    const [answer] = await run(2, { libraries: [path, path] });
    expect(answer!.ordinary).toBeUndefined();
    expect(answer!.symmetric).toMatch(/^NCCL 2\.30\.7 registers no symmetric window here: it needs P2P/);
    expect(lines(1).slice(-2)).toEqual(['register 20000 n=4096 flags=1 was=0', 'destroy 2001']);
  });

  test('windows of 2.27 are not asked for', async () => {
    const { path, lines } = library(22703);
    const [answer] = await run(2, { libraries: [path, path] });
    expect(answer!.symmetric).toMatch(/^NCCL 2\.27\.3 has no symmetric windows that can be relied on/);
    expect(lines(0).filter((line) => line.startsWith('register'))).toEqual([]);
  });

  test('arguments', async () => {
    const { path, lines } = library(23007);
    const bf16 = { dtype: 2, input: 0x1000, output: 0x8000 };
    vi.stubEnv('NCCL_NVLS_ENABLE', '1');
    const answers = await run(2, {
      libraries: [path, path],
      end: 'close',
      launches: [
        { ...bf16, kernel: 'nccl_all_reduce', count: 10, reduceOp: 1 },
        { ...bf16, kernel: 'nccl_symmetric_all_reduce', count: 10 },
        { ...bf16, kernel: 'nccl_all_gather', count: 16 },
        { ...bf16, kernel: 'nccl_symmetric_all_gather', count: 16, dtype: 4, input: 0x8000 },
        { ...bf16, kernel: 'nccl_reduce_scatter', count: 32, reduceOp: 3 },
        { ...bf16, kernel: 'nccl_symmetric_reduce_scatter', count: 32, output: 0x1000 },
        { ...bf16, kernel: 'nccl_broadcast', count: 5, dtype: 3, root: 1 },
        { ...bf16, kernel: 'nccl_all_gather', count: 6, parts: [6, 2] },
        { ...bf16, kernel: 'nccl_all_gather', count: 6, parts: [6, 0], input: 0x8000 },
        { ...bf16, kernel: 'nccl_reduce_scatter', count: 8, parts: [6, 2] },
        { ...bf16, kernel: 'nccl_symmetric_all_gather', count: 6, parts: [6, 2] },
        { ...bf16, kernel: 'nccl_all_reduce', count: 0 },
        { ...bf16, kernel: 'nccl_all_reduce', count: 1, dtype: 1 },
      ],
    });
    const none = undefined;
    for (const { ordinary, symmetric, errors, fences, failure, afterwards } of answers) {
      expect([ordinary, symmetric, fences]).toEqual([none, none, 0]);
      expect(errors.slice(0, 12)).toEqual(new Array(12).fill(none));
      expect(errors.slice(12)).toEqual(['nccl_all_reduce: it did not work (4): socket closed']);
      expect(failure).toBe('NCCL: a peer is gone');
      expect(afterwards).toBe('NCCL was closed');
    }
    // What the user's environment says does not matter.
    expect(lines('-')).toEqual(['NVLS=0', 'NVLS=0']);
    expect(lines(1)).toEqual([
      'init ranks=2 ids=1 id=5a..5a config=96',
      'init ranks=2 ids=1 id=5a..5a config=96',
      'register 20000 n=4096 flags=1 was=0',
      'all_reduce 1000 8000 n=10 t=9 op=2 c=1001 s=57',
      'all_reduce 1000 8000 n=10 t=9 op=0 c=2001 s=57',
      'all_gather 1000 8000 n=16 t=9 c=1001 s=57',
      'all_gather 8010 8000 n=16 t=1 c=2001 s=57',
      'reduce_scatter 1000 8000 n=16 t=9 op=4 c=1001 s=57',
      'reduce_scatter 1000 1020 n=16 t=9 op=0 c=2001 s=57',
      'broadcast 1000 8000 n=5 t=1 root=1 c=1001 s=57',
      // Unequal parts: 6 elements of rank 0, then 2 of rank 1.
      'broadcast 8000 8000 n=6 t=9 root=0 c=1001 s=57',
      'broadcast 1000 800c n=2 t=9 root=1 c=1001 s=57',
      'broadcast 8000 8000 n=6 t=9 root=0 c=1001 s=57',
      'reduce 1000 1000 n=6 t=9 op=0 root=0 c=1001 s=57',
      'reduce 100c 8000 n=2 t=9 op=0 root=1 c=1001 s=57',
      'broadcast 8000 8000 n=6 t=9 root=0 c=2001 s=57',
      'broadcast 1000 800c n=2 t=9 root=1 c=2001 s=57',
      'all_reduce 1000 8000 n=1 t=6 op=0 c=1001 s=57',
      'destroy 1001',
      'deregister 7000',
      'destroy 2001',
    ]);
  });

  test('abort gives up what is open, and nothing works afterwards', async () => {
    const { path, lines } = library(23007);
    const [answer] = await run(2, { libraries: [path, path], end: 'abort' });
    expect(answer!.afterwards).toBe('NCCL was aborted after a failure');
    // Each in a thread of its own, so that either may be first.
    expect(lines(0).slice(-2).sort()).toEqual(['abort 1000', 'abort 2000']);
  });
});
