/** @file Inputs of every format, and what tests look at in what was read. */
import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import type { Measurement, MeasurementSet } from '../../../dist/interop/measurement.js';
import { readMeasurementText } from '../../../dist/interop/read/index.js';

export function data(name: string): string {
  return readFileSync(new URL(`../../data/${name}`, import.meta.url), 'utf8');
}

export function result(name: string): string {
  return readFileSync(new URL(`../../../results/${name}`, import.meta.url), 'utf8');
}

export const ALL_REDUCE: string = data('interop/all_reduce_4xh200.txt');
export const FUSED: string = data('interop/fused_collective_tp8_default.txt');
export const CUSTOM: string = data('custom_all_reduce_test_4x4090.txt');
export const P2P: string = data('p2pBandwidthLatencyTest_4x4090.txt');

/** A line of the device communicators' table, as its widths have it. */
function cells(first: readonly string[], times: readonly string[], best: string): string {
  const widths = [20, 15];
  return (
    first.map((cell, i) => cell.padEnd(widths[i]!)).join('') +
    times.map((cell) => cell.padEnd(20)).join('') +
    best.padEnd(30)
  );
}

const COMMUNICATORS = [
  'ca_1stage',
  'ca_2stage',
  'flashinfer_mnnvl',
  'flashinfer_trtllm',
  'pynccl',
  'pynccl-symm',
  'symm_mem_multimem',
  'symm_mem_two_shot',
];
/** ms; NaN is what was not run. */
const TIMES: Readonly<Record<string, readonly number[]>> = {
  16: [0.0082, 0.0121, Number.NaN, 0.0061, 0.0203, 0.0154, 0.0111, 0.0123],
  512: [0.1021, 0.0514, Number.NaN, 0.0712, 0.0609, 0.0411, 0.0302, 0.0387],
  8192: [Number.NaN, 0.7013, Number.NaN, Number.NaN, 0.5921, 0.5533, 0.4219, 0.4718],
};

/** What benchmark_device_communicators.py prints, written from its format: there is no published output with all columns. */
export function communicatorsTable(): string {
  const head = cells(['Tensor Shape', 'Tensor Size'], COMMUNICATORS, 'Best (Speedup vs PyNccl)');
  const rows = Object.entries(TIMES).map(([tokens, times]) => {
    const finite = times.map((time) => (Number.isNaN(time) ? Number.POSITIVE_INFINITY : time));
    const least = Math.min(...finite);
    const best = `${COMMUNICATORS[finite.indexOf(least)]} (${(times[4]! / least).toFixed(2)}x)`;
    const size = `${((Number(tokens) * 8192 * 2) / 2 ** 20).toFixed(2)} MB`;
    const printed = times.map((time) => (Number.isNaN(time) ? 'N/A' : time.toFixed(3)));
    return cells([`(${tokens}, 8192)`, size], printed, best);
  });
  return [
    '',
    '='.repeat(130),
    'Device Communicator Benchmark Results',
    'World Size: 8, Data Type: torch.bfloat16, Hidden Size: 8192',
    '='.repeat(130),
    head,
    '-'.repeat(head.length),
    ...rows,
    '='.repeat(130),
    'All times are in milliseconds (ms) per allreduce operation',
    'Speedup column shows: fastest_algorithm (speedup_vs_pynccl)',
    '',
  ].join('\n');
}

/** The same run as --output-json writes it. */
export function communicatorsJson(): string {
  const results = Object.entries(TIMES).map(([tokens, times]) => {
    const run = COMMUNICATORS.map((name, i) => [name, times[i]!] as const).filter(([, ms]) => ms > 0);
    return [tokens, { timings: Object.fromEntries(run), speedup_info: 'x (1.00x)' }];
  });
  const about = {
    world_size: 8,
    dtype: 'torch.bfloat16',
    hidden_size: 8192,
    sequence_lengths: [16, 512, 8192],
  };
  return JSON.stringify(
    { ...about, num_warmup: 5, num_trials: 50, results: Object.fromEntries(results) },
    null,
    2,
  );
}

/** What the fused benchmark prints to the terminal, in newer versions. */
export const FUSED_STDOUT = `INFO 03-02 10:11:12 [benchmark_fused_collective.py:1021] Running benchmark with world_size=4, rank=0

================================================================================
Results: num_tokens=128, hidden_dim=8192 (input size: 2.00 MB)
dtype=torch.bfloat16, residual=yes, quant_modes=fp4,fp8,none
================================================================================
Operation                                          Time (ms)    Speedup
--------------------------------------------------------------------------------
standard_allreduce__native_rms_norm                0.071        0.62x
standard_allreduce__custom_rms_norm                0.046        0.96x
standard_allreduce_rmsnorm_native_compiled         0.044        baseline
flashinfer_trtllm_fused_allreduce_rmsnorm_oneshot  0.021        2.10x
flashinfer_trtllm_fused_allreduce_rmsnorm_twoshot  FAILED       FAILED
flashinfer_mnnvl_fused_allreduce_rmsnorm_twoshot   0.033        1.33x
standard_allreduce__native_rms_norm_native_quant_fp8 0.083      0.60x
standard_allreduce__native_rms_norm_custom_quant_fp8 0.080      0.62x
standard_allreduce__custom_rms_norm_custom_quant_fp8 0.052      0.96x
standard_allreduce_rmsnorm_fp8_quant_native_compiled 0.050      baseline
flashinfer_trtllm_fused_allreduce_rmsnorm_fp8_quant_oneshot 0.024 2.08x
standard_allreduce__custom_rms_norm_fp4_quant      0.061        N/A
flashinfer_trtllm_fused_allreduce_rmsnorm_fp4_quant_twoshot 0.039 N/A
`;

/** The full form of p2pBandwidthLatencyTest, reads and latencies included. */
export const P2P_FULL = `Device: 0, NVIDIA A, pciBusID: 1, pciDeviceID: 0, pciDomainID:0
P2P=Disabled Latency Matrix (us)
   GPU     0      1
     0   1.33  12.84
     1  11.44   1.31

   CPU     0      1
     0   2.51   8.12
     1   7.88   2.47
Unidirectional P2P=Enabled Bandwidth (P2P Reads) Matrix (GB/s)
   D\\D     0      1
     0 900.00  20.00
     1  19.00 901.00
`;

export const CSV = `us,operation,algorithm,bytes,dtype,world_size,hidden,quantization,mode,spread
4.31,all_reduce,one_shot,8192,bf16,4,,,replay,0.02
12.9,all_reduce,"ring, tuned",1048576,bf16,4,,,eager,
7.75,all_reduce_rms_norm,fused,65536,bf16,4,4096,f8e4m3_static,replay,0.1
`;

export function markdownOf(text: string): string {
  const lines = text.split('\n').map((line) => {
    const about =
      /^(World Size|Hidden Dimension|Warmup Iterations|Benchmark Trials|Quantization Mode|Input Size): (.*)$/.exec(
        line,
      );
    if (about !== null) return `**${about[1]}:** ${about[2]}  `;
    if (line.startsWith('Configuration:')) return `## ${line}`;
    if (line.startsWith('Operation')) return '| Operation | Time (ms) | Speedup |\n|:---|---:|:---|';
    const row = /^(.*) (\S+) (\S+)$/.exec(line);
    return row === null ? line : `| ${row[1]} | ${Number(row[2])} | ${row[3]} |`;
  });
  return `# FlashInfer Fused Collective Operations Benchmark Results\n\n${lines.join('\n')}`;
}

/** Measurements without their places. */
export function values({ measurements }: MeasurementSet): Omit<Measurement, 'source'>[] {
  return measurements.map(({ source: _, ...rest }) => rest);
}

export function read(text: string, options?: Parameters<typeof readMeasurementText>[1]): MeasurementSet {
  return readMeasurementText(text, options);
}

/** `line: message` of every complaint. */
export function complaints({ complaints }: MeasurementSet): string[] {
  return complaints.map(({ source, message }) => `${source.line}: ${message}`);
}

/** Text with some lines changed, by their numbers. */
export function changed(text: string, changes: Readonly<Record<number, string | undefined>>): string {
  return text
    .split('\n')
    .flatMap((line, i) => (i + 1 in changes ? (changes[i + 1] ?? []) : line))
    .join('\n');
}

/** Every measurement's line has its time in it, in us or in ms. */
export function expectTraceable(text: string, { measurements }: MeasurementSet): void {
  const lines = text.split('\n');
  const numbers = new Map<number, number[]>();
  for (const { us, source } of measurements) {
    let own = numbers.get(source.line);
    if (own === undefined) {
      const printed = (lines[source.line - 1] ?? '').matchAll(/\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g);
      own = [...printed].map(([number]) => Number(number));
      numbers.set(source.line, own);
    }
    if (own.some((number) => number === us || Math.abs(number * 1e3 - us) <= us * 1e-12)) continue;
    expect.fail(`${us} us is not in line ${source.line}: ${lines[source.line - 1]?.slice(0, 200)}`);
  }
}
