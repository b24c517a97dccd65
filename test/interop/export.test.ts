/** @file Settings and tables for other programs: what they say, what they gain, and what they cannot say. */
import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { exportMscclpp } from '../../dist/interop/export/mscclpp.js';
import { exportNcclTuner } from '../../dist/interop/export/nccl-tuner.js';
import { exportServing } from '../../dist/interop/export/serving.js';
import { readMeasurements, readMeasurementText } from '../../dist/interop/read/index.js';
import { type Asked, configOf, KIB, MIB, setOf } from './support/engines.ts';

const FUSED_TP8 = await readMeasurements([
  new URL('../data/interop/fused_collective_tp8_default.txt', import.meta.url).pathname,
]);

/** Custom wins everywhere, and loses to symmetric memory from 256 KiB where that takes over: 40 against 60 us at 4 MiB. */
const CUSTOM_WINS = setOf({
  vllm_custom: { [64 * KIB]: 10, [4 * MIB]: 40 },
  torch_symm_mem_multimem: { [64 * KIB]: 15, [4 * MIB]: 60 },
  nccl: { [64 * KIB]: 30, [4 * MIB]: 90 },
});

function lines(asked: Asked, set = FUSED_TP8): string[] {
  return exportServing(set, configOf(asked), {}).text.split('\n');
}

test('vLLM 0.30 on B300: the cap as a flag, and what has no setting', () => {
  const found = lines({ gpu: 'B300' });
  expect(found).toEqual([
    '# vllm 0.30 (as of 2026-09), 8x B300, bf16',
    expect.stringMatching(
      /^# all_reduce_rms_norm x8 bf16 hidden 8192 without residual replay: behind the best choice by 14\.4 % before, 6\.7 % then, root mean square; at the worst 20\.0 us an operation \(62\.5 % at just above 2 MiB\) before$/,
    ),
    'export VLLM_FLASHINFER_ALLREDUCE_BACKEND=trtllm',
    `# vllm serve MODEL "\${VLLM_ARGS[@]}"`,
    `VLLM_ARGS=(--compilation-config '{"pass_config":{"fi_allreduce_fusion_max_size_mb":1.91}}')`,
    expect.stringMatching(
      /^# not expressible: .*from 4 MiB to 22\.81 MiB, unfused is slower than fused, two-shot/,
    ),
  ]);
});

test('older versions have the names of their time', () => {
  const found = lines({ version: '0.11', gpu: 'B200', settings: { fusion: true, fusionCapMb: 4 } });
  expect(found).toContain(
    `VLLM_ARGS=(--compilation-config '{"pass_config":{"fi_allreduce_fusion_max_token_num":122}}')`,
  );
  expect(found.join('\n')).not.toContain('VLLM_FLASHINFER_ALLREDUCE_BACKEND');
  const on = lines({ version: '0.11', gpu: 'B200', settings: { fusion: false } });
  expect(on.join('\n')).toContain('"enable_fi_allreduce_fusion":true');
});

test('plain and fused together; a shell can source it', () => {
  const set = { ...FUSED_TP8, measurements: [...CUSTOM_WINS.measurements, ...FUSED_TP8.measurements] };
  const asked = { gpu: 'H200', settings: { flashinfer: false, fusionCapMb: 4 } };
  const { text, instructions, settings } = exportServing(set, configOf(asked), {});
  expect(instructions.map(({ text }) => text)).toEqual([
    'VLLM_ALLREDUCE_USE_SYMM_MEM=0',
    'VLLM_FLASHINFER_ALLREDUCE_BACKEND=trtllm',
    'fi_allreduce_fusion_max_size_mb',
  ]);
  expect(settings).toMatchObject({ symmMem: false, fusion: true, fusionCapMb: 0.5 });
  const script = `${text}\nprintf '%s|' "$VLLM_ALLREDUCE_USE_SYMM_MEM" "\${VLLM_ARGS[@]}"`;
  expect(execFileSync('bash', ['-c', script], { encoding: 'utf8' })).toBe(
    '0|--compilation-config|{"pass_config":{"fi_allreduce_fusion_max_size_mb":0.5}}|',
  );
});

test('flags, variables that are unset, and what to remove', () => {
  const better = setOf({ vllm_custom: { [KIB]: 20, [MIB]: 20 }, nccl: { [KIB]: 10, [MIB]: 10 } });
  expect(lines({ gpu: 'A100' }, better)).toContain('VLLM_ARGS=(--disable-custom-all-reduce)');
  const worse = setOf({ vllm_custom: { [KIB]: 10, [MIB]: 10 }, nccl: { [KIB]: 20, [MIB]: 20 } });
  expect(lines({ gpu: 'A100', settings: { custom: false } }, worse)).toContain(
    '# remove --disable-custom-all-reduce',
  );
  // One stage is the faster one at every size, the kernel's own choice at none above 256 KiB.
  const stages = setOf({
    vllm_custom_1stage: { [512 * KIB]: 10, [MIB]: 10 },
    vllm_custom_2stage: { [512 * KIB]: 20, [MIB]: 20 },
  });
  expect(lines({ gpu: 'A100' }, stages)).toContain('export VLLM_CUSTOM_ALLREDUCE_ALGO=1stage');
  expect(lines({ gpu: 'A100', settings: { customStages: 2 } }, stages)).toContain(
    'export VLLM_CUSTOM_ALLREDUCE_ALGO=1stage',
  );
});

test('SGLang: its flags and variables', () => {
  const symm = setOf({
    torch_symm_mem_multimem: { [MIB]: 10, [16 * MIB]: 10 },
    vllm_custom: { [MIB]: 30, [16 * MIB]: 30 },
    nccl: { [MIB]: 20, [16 * MIB]: 20 },
  });
  const found = lines({ engine: 'sglang', version: '2025-11' }, symm);
  expect(found.slice(-2)).toEqual([
    `# python -m sglang.launch_server --model-path MODEL "\${SGLANG_ARGS[@]}"`,
    'SGLANG_ARGS=(--disable-custom-all-reduce --enable-torch-symm-mem)',
  ]);
  const older = setOf({
    sglang_custom_v2: { [MIB]: 20, [4 * MIB]: 20 },
    sglang_custom_2stage: { [MIB]: 10, [4 * MIB]: 10 },
  });
  expect(lines({ engine: 'sglang' }, older)).toContain('export SGLANG_OPT_USE_CUSTOM_ALL_REDUCE_V2=0');
  // Always unfused is best where one-shot takes 40 us against 20.
  const unfused = setOf(
    { unfused: { [MIB]: 20, [2 * MIB]: 20 }, flashinfer_trtllm_fused_one_shot: { [MIB]: 40, [2 * MIB]: 40 } },
    { operation: 'all_reduce_rms_norm', hidden: 8192 },
  );
  expect(lines({ engine: 'sglang' }, unfused)).toContain(
    'SGLANG_ARGS=(--enforce-disable-flashinfer-allreduce-fusion)',
  );
  expect(
    lines({ engine: 'sglang', version: '2025-11', settings: { fusion: false } }, FUSED_TP8).at(-2),
  ).toMatch(/^SGLANG_ARGS=\(--flashinfer-allreduce-fusion-backend (auto|trtllm)\)$|not expressible/);
});

test('nothing to change, and nothing known', () => {
  const best = setOf({ vllm_custom: { [KIB]: 10, [MIB]: 10 }, nccl: { [KIB]: 20, [MIB]: 20 } });
  expect(lines({ gpu: 'A100' }, best)[1]).toBe(
    '# all_reduce x8 bf16: nothing to change, 0.0 % behind the best choice',
  );
  const unknown = setOf({ nccl: { [KIB]: 10, [MIB]: 10 } });
  expect(lines({ gpu: 'A100' }, unknown)[1]).toBe(
    '# all_reduce x8 bf16: what the engine picks was not measured',
  );
});

test('of several modes that in graphs counts', () => {
  const graph = setOf(
    { vllm_custom: { [KIB]: 10, [MIB]: 10 }, nccl: { [KIB]: 20, [MIB]: 20 } },
    { mode: 'replay' },
  );
  const eager = setOf(
    { vllm_custom: { [KIB]: 30, [MIB]: 30 }, nccl: { [KIB]: 20, [MIB]: 20 } },
    { mode: 'eager' },
  );
  const set = { ...graph, measurements: [...eager.measurements, ...graph.measurements] };
  expect(lines({ gpu: 'A100' }, set)).toEqual([
    '# vllm 0.30 (as of 2026-09), 8x A100, bf16',
    '# all_reduce x8 bf16 replay: nothing to change, 0.0 % behind the best choice',
  ]);
});

test("NCCL's tuner: runs of sizes that beat its own choice, and the rest by name", () => {
  const set = setOf({
    nccl: { [KIB]: 10, [2 * KIB]: 10, [4 * KIB]: 10, [8 * KIB]: 10 },
    'nccl:tree/ll': { [KIB]: 8, [2 * KIB]: 5, [4 * KIB]: 12 },
    'nccl:ring/simple': { [KIB]: 9, [4 * KIB]: 11, [8 * KIB]: 9 },
    vllm_custom: { [KIB]: 1 },
  });
  const { text, notExpressible } = exportNcclTuner(set);
  expect(text.split('\n').slice(3)).toEqual([
    // 10 against 5 at 2 KiB.
    "# up to 5.0 us less an operation (NCCL's own choice is 100 % slower at 2K)",
    'allreduce,1024,2048,tree,ll,-1,1,8',
    // At 4 KiB both are slower than NCCL's own choice: no line.
    "# up to 1.0 us less an operation (NCCL's own choice is 11.1 % slower at 8K)",
    'allreduce,8192,8192,ring,simple,-1,1,8',
  ]);
  for (const line of text.split('\n')) expect(line.length).toBeLessThan(256);
  expect(notExpressible).toEqual([
    "vllm_custom: it is not one of NCCL's algorithms with a protocol (nccl:ring/ll128)",
  ]);
});

test("NCCL's tuner: other collectives, no baseline, nothing at all", () => {
  const gathered = setOf({ 'nccl:pat/simple': { [KIB]: 8 } }, { operation: 'all_gather', worldSize: 4 });
  expect(exportNcclTuner(gathered).text.split('\n').slice(3)).toEqual([
    "# NCCL's own choice was not measured",
    'allgather,1024,1024,pat,simple,-1,1,4',
  ]);
  expect(exportNcclTuner(setOf({ nccl: { [KIB]: 8 } })).nothing).toBe(
    'no measurement is of an algorithm of NCCL with a protocol',
  );
});

test('MSCCL++: the fastest at each size, in a profile of the GPU and world size', () => {
  const set = setOf({
    nccl: { [KIB]: 10 },
    'mscclpp:default_allreduce_packet nblocks=28 nthreads=512 symmetric_memory=1': {
      [KIB]: 5.1,
      [2 * KIB]: 9,
    },
    'mscclpp:default_allreduce_nvls nblocks=8 nthreads=1024': { [KIB]: 6, [2 * KIB]: 7 },
    'mscclpp:bare': { [KIB]: 1 },
  });
  const { text, notExpressible } = exportMscclpp(set, 'NVIDIA H100 80GB HBM3');
  const packet = {
    algorithm: 'default_allreduce_packet',
    nblocks: 28,
    nthreads: 512,
    symmetric_memory: true,
  };
  const nvls = { algorithm: 'default_allreduce_nvls', nblocks: 8, nthreads: 1024, symmetric_memory: false };
  expect(JSON.parse(text)).toEqual({
    version: 1,
    profiles: [
      {
        sku: 'H100',
        scale: 8,
        collectives: {
          allreduce: [
            { message_size: KIB, ...packet, time_us: 5.1 },
            { message_size: 2 * KIB, ...nvls, time_us: 7 },
          ],
        },
      },
    ],
  });
  expect(notExpressible).toEqual([
    "nccl: it is not one of MSCCL++'s algorithms with nblocks and nthreads",
    "mscclpp:bare: it is not one of MSCCL++'s algorithms with nblocks and nthreads",
  ]);
});

test('MSCCL++: a GPU without a profile, and nothing to say', () => {
  expect(exportMscclpp(setOf({}), 'H200')).toEqual({
    text: JSON.stringify({ version: 1, profiles: [] }, null, 2),
    notExpressible: ['H200: profiles know GB300, GB200, MI300X, H100, A100; this one is for any GPU'],
    nothing: 'no measurement is of an algorithm of MSCCL++',
  });
});

test('tables compare like with like: one type and mode, and out of place where both were measured', () => {
  const rows: readonly [string, 'eager' | 'replay', boolean, number][] = [
    ['nccl:ring/ll', 'eager', false, 10],
    ['nccl:tree/ll', 'eager', false, 6],
    ['nccl:ring/ll', 'replay', false, 7],
    ['nccl:ring/ll', 'replay', true, 5],
    ['nccl:tree/ll', 'replay', false, 8],
    ['nccl:tree/ll', 'replay', true, 4],
    ['nccl', 'replay', false, 9],
    ['nccl', 'replay', true, 3],
    ['nccl', 'eager', false, 2],
  ];
  const header = 'algorithm,mode,in_place,us,operation,bytes,dtype,world_size';
  const csv = rows.map((row) => [...row, 'all_reduce', 1024, 'f32', 4].join(','));
  const { text, notExpressible } = exportNcclTuner(readMeasurementText([header, ...csv].join('\n')));
  expect(text.split('\n').slice(3)).toEqual([
    "# up to 2.0 us less an operation (NCCL's own choice is 28.6 % slower at 1K)",
    'allreduce,1024,1024,ring,ll,-1,1,4',
  ]);
  expect(notExpressible).toEqual([
    'all_reduce x4, f32 eager: a table has no types and modes; f32 replay counts',
  ]);
});
