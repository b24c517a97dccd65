/** @file `crossover check` and `crossover export` as users run them: output, data, exit codes, refusals. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ask, folder } from '../cli/crossover.ts';

const data = (name: string): string => new URL(`../data/${name}`, import.meta.url).pathname;
const FUSED = data('interop/fused_collective_tp8_default.txt');
const RTX4090 = data('custom_all_reduce_test_4x4090.txt');

describe('check', () => {
  test('a cap above the crossover: tables, sentences, exit code 1', async () => {
    const args = ['check', '--engine', 'vllm', '--gpu', 'B300', '--tp', '8', FUSED];
    const { code, out, error } = await ask(args);
    expect({ code, error }).toEqual({ code: 1, error: '' });
    expect(out).toMatch(/^vllm 0\.30 \(as of 2026-09\) on 8x B300, NVLink between all, bf16$/m);
    expect(out).toMatch(
      /^all_reduce_rms_norm x8 bf16 hidden 8192 without residual replay, measured from 512 KiB to 32 MiB$/m,
    );
    // 12 us at 512 KiB, 33 at 2 MiB; 32 to 128 rows of 16 KiB.
    expect(out).toMatch(
      /^512 KiB +2 MiB +32-128 +fused, one-shot +flashinfer_trtllm_fused_one_shot +12 us - 33 us$/m,
    );
    // 79 against 68 at 8 MiB.
    expect(out).toMatch(
      /^ +4 MiB +22\.81 MiB +257-1459 +unfused +fused, two-shot +11 us +7\.85 us +16\.2 % +8 MiB$/m,
    );
    expect(out).toMatch(/^- the fusion cap of 4 MiB is above .*fi_allreduce_fusion_max_size_mb = 1\.91$/m);
    expect(out).toMatch(
      /^Best over all sizes: pass_config\.fi_allreduce_fusion_max_size_mb = 1\.91 \(behind the best choice by 14\.4 % now, 6\.7 % then, root mean square\)$/m,
    );
    expect(out).toMatch(/^note: of FlashInfer only trtllm was measured/m);
  });

  test('a tolerance above every loss: exit code 0', async () => {
    const args = ['check', '--engine', 'vllm', '--gpu', 'B300', '--tp', '8', '--tolerance', '63', FUSED];
    const { code, out } = await ask(args);
    expect(code).toBe(0);
    expect(out).toMatch(/^No setting is faster anywhere by more than the tolerance\.$/m);
  });

  test('what no setting reaches is said, and is no failure', async () => {
    const args = ['check', '--engine', 'vllm', '--gpu', '4090', '--tp', '4', '--pcie', RTX4090];
    const { code, out } = await ask(args);
    expect(code).toBe(0);
    expect(out).toMatch(/^vllm 0\.30 .* on 4x RTX 4090, PCIe, bf16$/m);
    // 65.09 against 42.93 at 512 KiB.
    expect(out).toMatch(/^68\.29 KiB +1\.53 MiB +NCCL +vllm_custom +22\.2 us +10\.1 us +51\.6 % +512 KiB$/m);
  });

  test('every world size that was measured, where none is given; data on request', async () => {
    const { code, out } = await ask(['check', '--engine', 'vllm', '--gpu', 'B300', '--json', FUSED]);
    expect(code).toBe(1);
    const [report] = JSON.parse(out);
    expect(report).toMatchObject({
      engine: 'vllm',
      version: '0.30',
      deployment: { worldSize: 8, dtype: 'bf16', nvlink: true, multicast: true },
      settings: { fusion: true },
      tolerancePercent: 2,
    });
    const [comparison] = report.comparisons;
    expect(comparison.picks[0]).toMatchObject({ from: 524288, last: 2097152, us: [12, 33] });
    expect(comparison.bands[0].worst).toMatchObject({ bytes: 2097152, us: 1, percent: 3.125 });
    expect(comparison.findings[0].kind).toBe('fusion_cap_too_high');
    expect(comparison.advice.settings.fusionCapMb).toBe(1.91);
  });

  test('the share of a decode step', async () => {
    const args = [
      'check',
      '--engine',
      'vllm',
      '--gpu',
      'B300',
      '--model',
      'llama-3.1-70b',
      '--step-ms',
      '16',
      FUSED,
    ];
    const { out } = await ask(args);
    expect(out).toMatch(/^Decoding llama-3\.1-70b: 160 of these operations a step$/m);
    // 128 rows are 2 MiB, 33 against 32 us: 160 us of 16 ms.
    expect(out).toMatch(/^ +128 +2 MiB +fused, one-shot +unfused +160 us +16\.00 ms +1\.0 %$/m);
    expect(out).toMatch(/^assumed: a decode step takes 16 ms at every batch size, as given$/m);
    // 1024 rows are 16 MiB, 119 us unfused: 19 ms of the 16.
    expect(out).toMatch(/^assumed: nothing of batch 1024, 2048: the collectives alone take longer/m);
    expect(out).not.toMatch(/^ *1024 /m);
  });

  test('no table of decode steps for rows of another length, and a note that says so', async () => {
    const args = ['check', '--engine', 'vllm', '--gpu', 'B300', '--model', 'llama-3.1-8b', FUSED];
    const { out } = await ask(args);
    expect(out).not.toMatch(/^Decoding/m);
    expect(out).toMatch(
      /^note: no table of decode steps of llama-3\.1-8b: its hidden size is 4096, and the rows that were measured have 8192$/m,
    );
  });

  test('nothing that the engine picks was measured: one line, exit code 1', async () => {
    const cwd = folder();
    const rows = [1024, 65536].map((bytes) => `all_reduce,mine,${bytes},bf16,2,9`);
    writeFileSync(
      join(cwd, 'own.csv'),
      `operation,algorithm,bytes,dtype,world_size,us\n${rows.join('\n')}\n`,
    );
    for (const more of [[], ['--json']]) {
      const args = ['check', '--engine', 'vllm', '--gpu', 'H200', ...more, 'own.csv'];
      const { code, out, error } = await ask(args, { cwd });
      expect({ code, out }).toEqual({ code: 1, out: '' });
      expect(error).toMatch(
        /^error: nothing to check: of what vllm 0\.30 picks .* nothing was measured \(FlashInfer mnnvl\); [^\n]+\n$/,
      );
    }
  });

  test('settings by options change what is picked', async () => {
    const check = ['check', '--engine', 'vllm', '--gpu', 'B300', '--json'];
    const picks = async (...more: string[]): Promise<string[]> => {
      const { out } = await ask([...check, ...more, FUSED]);
      return JSON.parse(out)[0].comparisons[0].picks.map(({ label }: { label: string }) => label);
    };
    expect(await picks('--fusion', 'off')).toEqual(['unfused']);
    expect(await picks('--fusion-cap-mb', '2')).toEqual(['fused, one-shot', 'unfused']);
    expect(await picks('--batch-invariant')).toEqual(['unfused']);
    expect(await picks('--version', '0.10')).toEqual(['unfused']);
  });

  test('a backend that the log lacks, from the line as it stands in the log', async () => {
    const cwd = folder();
    const head = 'operation,algorithm,bytes,dtype,world_size,us';
    const rows = [
      ['vllm_custom', 262144, 20],
      ['vllm_custom', 4194304, 100],
      ['torch_symm_mem_multimem', 262144, 20],
      ['torch_symm_mem_multimem', 4194304, 50],
    ].map(([algorithm, bytes, us]) => `all_reduce,${algorithm},${bytes},bf16,8,${us}`);
    writeFileSync(join(cwd, 'times.csv'), `${[head, ...rows].join('\n')}\n`);
    const args = ['check', '--engine', 'vllm', '--gpu', 'H200', '--flashinfer', 'off', 'times.csv'];
    expect((await ask(args, { cwd })).code).toBe(0);
    const { code, out } = await ask([...args, '--backends', "['CUSTOM', 'PYNCCL']"], { cwd });
    expect(code).toBe(1);
    expect(out).toMatch(
      /^- SYMM_MEM is silently unavailable: .*slower by up to 50\.0 us an operation \(100 % at 4 MiB\)/m,
    );
  });

  test.each([
    [['--gpu', 'TPU'], /^error: --gpu is "TPU"; use one of GB300/],
    [[], /^error: --gpu is missing; use one of GB300/],
    [['--gpu', 'H200', '--version', '0.9'], /^error: --version of vllm is "0\.9"; described are 0\.10/],
    [['--gpu', 'H200', '--tp', 'x'], /^error: --tp is "x"/],
    [['--gpu', 'H200', '--hidden', '0'], /^error: --hidden is "0"/],
    [['--gpu', 'H200', '--tolerance', '-1'], /^error: --tolerance is "-1"/],
    [['--gpu', 'H200', '--fusion-cap-mb', '0'], /^error: --fusion-cap-mb is "0"/],
    [['--gpu', 'H200', '--step-ms', 'fast'], /^error: --step-ms is "fast"/],
    [['--gpu', 'H200', '--model', 'gpt-2'], /^error: --model is "gpt-2"/],
    [['--gpu', 'H200', '--backends', '[]'], /^error: --backends is "\[\]"/],
    [['--gpu', 'H200', '--backends', 'foo'], /^error: --backends is "foo", .* vllm; use some of .*CUSTOM/],
    [['--gpu', 'H200', '--mscclpp', 'on'], /^error: --mscclpp is a setting of sglang/],
    [['--gpu', 'H200', '--step-ms', '3'], /^error: --step-ms is "3", and without --model/],
    [
      ['--gpu', 'B300', '--model', 'llama-3.1-70b', '--step-ms', '0.001'],
      /^error: --step-ms is 0\.001; at batch 32 the collectives of a step alone take 1\.92 ms; use the time/,
    ],
    [
      ['--gpu', 'B300', '--model', 'llama-3.1-70b', '--hidden', '4096'],
      /^error: --hidden is "4096", and --model llama-3\.1-70b has hidden size 8192/,
    ],
    [['--gpu', 'H200', '--symm-mem', 'maybe'], /'maybe' is invalid.*on, off/],
  ])('%j is used wrongly: exit code 2', async (more, message) => {
    const { code, out, error } = await ask(['check', '--engine', 'vllm', ...more, FUSED]);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(error).toMatch(message);
  });

  test('settings of vLLM are none of SGLang', async () => {
    const sglang = ['check', '--engine', 'sglang', '--gpu', 'H200', FUSED];
    for (const option of [['--batch-invariant'], ['--pcie-ipc', 'off']]) {
      const { code, error } = await ask([...sglang, ...option]);
      expect(code).toBe(2);
      expect(error).toMatch(
        new RegExp(`^error: ${option[0]} is a setting of vllm, and the engine is sglang`),
      );
    }
  });

  test('no engine, no measurements of that world size', async () => {
    expect(await ask(['check', FUSED])).toMatchObject({ code: 2, out: '' });
    const { code, error } = await ask(['check', '--engine', 'vllm', '--gpu', 'H200', '--tp', '4', FUSED]);
    expect(code).toBe(1);
    expect(error).toMatch(/^error: nothing to check: .*the engine runs on 4 GPUs/);
  });
});

describe('export', () => {
  test('to a file, with what has no setting as comments', async () => {
    const cwd = folder();
    const args = ['export', '--for', 'vllm', '--gpu', 'B300', '-o', 'vllm.sh', FUSED];
    expect(await ask(args, { cwd })).toMatchObject({ code: 0, out: '', error: '' });
    const text = readFileSync(join(cwd, 'vllm.sh'), 'utf8');
    expect(text).toMatch(/^VLLM_ARGS=\(--compilation-config '.*1\.91.*'\)$/m);
    expect(text).toMatch(/^# not expressible: /m);
    expect(text).toMatch(/^# note: /m);
  });

  test('tables on standard output, the rest on standard error', async () => {
    const own = join(folder(), 'own.json');
    const measured = { operation: 'all_reduce', bytes: 1024, dtype: 'bf16', world_size: 4, us: 8 };
    writeFileSync(own, JSON.stringify([{ ...measured, algorithm: 'nccl:ring/ll128' }]));
    const csv = await ask(['export', '--for', 'nccl-tuner', own, RTX4090]);
    expect(csv.code).toBe(0);
    expect(csv.out).toMatch(/^# collective,min_bytes,max_bytes/m);
    expect(csv.error).toMatch(/^not expressible: vllm_custom: it is not one of NCCL's/m);
  });

  test('of nothing is an error, and writes nothing', async () => {
    const cwd = folder();
    writeFileSync(join(cwd, 'table'), 'before');
    for (const [target, why] of [
      [['mscclpp', '--gpu', 'H100'], 'no measurement is of an algorithm of MSCCL++'],
      [['vllm', '--gpu', 'H100', '--tp', '2'], 'at this world size'],
    ] as const) {
      const { code, out, error } = await ask(['export', '--for', ...target, '-o', 'table', RTX4090], { cwd });
      expect({ code, out }).toEqual({ code: 1, out: '' });
      expect(error).toMatch(/^error: nothing to export: [^\n]+\n$/);
      expect(error).toContain(why);
    }
    expect(readFileSync(join(cwd, 'table'), 'utf8')).toBe('before');
  });

  test('settings are for one world size', async () => {
    const args = ['export', '--for', 'sglang', '--gpu', 'H200', FUSED, RTX4090];
    const { code, error } = await ask(args);
    expect(code).toBe(2);
    expect(error).toMatch(/^error: --tp is missing: settings are for one world size; measured are 4, 8/);
  });

  test('an output that cannot be written is refused first', async () => {
    const { code, error } = await ask(['export', '--for', 'mscclpp', '-o', '/nowhere/x', RTX4090]);
    expect(code).toBe(2);
    expect(error).toMatch(/no folder \/nowhere/);
  });
});
