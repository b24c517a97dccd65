/** @file What the command line says of itself, and how it refuses: one line, what was wrong, what would do; exit code 2. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ask, crossover, folder, ROOT } from './crossover.ts';

test('--version is the version of the package', async () => {
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
  expect(await crossover(['--version'])).toEqual({ code: 0, signal: null, out: `${version}\n`, error: '' });
});

const COMMANDS = [
  [],
  ...[
    'tune',
    'bench',
    'run',
    'doctor',
    'plan',
    'simulate',
    'check',
    'export',
    'import',
    'decode',
    'serve-bench',
    'predict',
    'generate',
  ].map((name) => [name]),
  ...['show', 'explain', 'check', 'schema'].map((name) => ['plan', name]),
];

test.each(COMMANDS.map((command) => [command]))('help of %j has an example', async (command) => {
  const { code, out, error } = await ask([...command, '--help']);
  expect({ code, error }).toEqual({ code: 0, error: '' });
  expect(out).toMatch(/^Usage: crossover/);
  expect(out).toMatch(/^Examples?:$/m);
  expect(out).toMatch(/^ +\$ crossover /m);
});

test('help offers only what a command takes', async () => {
  for (const name of ['serve-bench', 'generate']) {
    const { out } = await ask([name, '--help']);
    expect(out).not.toMatch(/--attention|\bdata: /);
    const { code, error } = await ask([
      name,
      ...(name === 'generate' ? ['x'] : []),
      '--attention',
      'data',
      '--model',
      'tiny',
    ]);
    expect([code, error.includes('help')]).toEqual([2, false]);
  }
  for (const name of ['decode', 'predict'])
    expect((await ask([name, '--help'])).out).toMatch(/--attention <name> .*data: /s);
  expect((await ask(['generate', '--help'])).out).not.toContain('random weights');
});

test('every command prints data when asked', async () => {
  for (const name of [
    'tune',
    'bench',
    'run',
    'doctor',
    'simulate',
    'check',
    'import',
    'decode',
    'serve-bench',
    'predict',
    'generate',
  ]) {
    expect((await ask([name, '--help'])).out).toContain('--json');
  }
});

test('no command at all shows the help, as an error', async () => {
  const { code, out, error } = await crossover([]);
  expect({ code, out }).toEqual({ code: 2, out: '' });
  expect(error).toContain('Commands:');
});

test('what is refused is the end of the process, too', async () => {
  expect(await crossover(['frobnicate'])).toEqual({ ...(await ask(['frobnicate'])), code: 2, signal: null });
});

/** Arguments, and what the one line must have: the option, the value, what is accepted. */
const REFUSED: [string, ...(string | RegExp)[]][] = [
  ['frobnicate', "unknown command 'frobnicate'", 'crossover --help'],
  ['tunes', 'tune'],
  ['tune --dtyp f32', "'--dtyp'", '--dtype', 'crossover tune --help'],
  ['tune extra', 'too many arguments', 'crossover tune --help'],
  ['tune --operations all_reduce,sort', '--operations', '"sort"', 'all_reduce, all_gather'],
  ['tune --dtype i8', '--dtype', '"i8"', 'f32, f16, bf16'],
  ['tune --mode lazy', '--mode', '"lazy"', 'eager, replay'],
  ['tune --quantization int4', '--quantization', '"int4"', 'nvfp4'],
  ['tune --hidden 4096,x', '--hidden', '"x"', 'from 1 to'],
  [
    'tune --operations all_reduce_rms_norm --hidden 100 --quantization nvfp4',
    '--hidden 100',
    'multiple of 16',
  ],
  ['tune --ranks 1000', '--ranks', '"1000"', 'from 1 to 16'],
  ['tune --ranks', "'--ranks <n>' argument missing"],
  ['tune -b 8Q', '-b', '"8Q"', '256K'],
  ['tune -b 1M -e 1K', '-e (1K)', '-b (1M)'],
  ['tune -f 1.000001', '-f is 1.000001', 'more than 1000 sizes', 'a larger one'],
  ['tune --device cpu --ranks 2 --arena 1', '--arena is "1"', 'use 256 bytes or more'],
  ['tune --device cpu --ranks 2 --arena 3G', '--arena is "3G"', 'up to 1.98 GiB on each of 2 ranks'],
  ['tune --device cpu --ranks 2 -e 8G', '-e is "8G"', 'fewer ranks'],
  ['tune -f 1', '-f', '"1"', 'above 1'],
  ['tune --seconds 0', '--seconds', '"0"', 'above 0'],
  ['tune -o /nowhere/plan.json', '-o', '/nowhere/plan.json', 'no folder /nowhere'],
  ['tune -o .', '-o', 'a folder'],
  ['tune -o none/', '-o', 'a folder'],
  ['bench', "missing required argument 'operation'", 'crossover bench --help'],
  ['bench sort', '"sort"', 'all_reduce, all_gather'],
  ['bench all_reduce --algorithm one_shot,bogus', '"bogus"', 'one_shot, two_shot'],
  ['bench all_reduce --op sum,max', '--op', '"sum,max"', 'sum, max, min, avg'],
  ['bench all_reduce --dtype i8', '--dtype i8', 'f32, f16 or bf16'],
  ['bench all_reduce --vs two_shot,bogus', '--vs "bogus" is unknown', 'one_shot, two_shot'],
  ['bench all_reduce -f 1.000001', '-f is 1.000001', 'more than 1000 sizes'],
  ['bench all_reduce --device cpu --ranks 2 --arena 3G', '--arena is "3G"', 'up to 1.98 GiB'],
  ['bench all_reduce --device cpu --ranks 2 -e 8G', '-e is "8G"', 'cpu engine has room'],
  ['bench all_gather --dtype e2m1x2', '--dtype e2m1x2', 'use i8'],
  ['bench all_gather --dtype x', '--dtype', '"x"', 'e2m1x2'],
  ['bench all_reduce_rms_norm --op max', '--op max', 'it sums'],
  ['bench all_reduce_rms_norm --hidden 100 --quantization nvfp4', '--hidden', '100', 'multiple of 16'],
  ['bench all_reduce -b 1M -e 1K', '-e', '-b'],
  ['bench all_reduce --hidden 64', '--hidden is "64"', 'all_reduce has no rows', 'use all_reduce_rms_norm'],
  ['bench all_gather --quantization nvfp4', '--quantization is "nvfp4"', 'all_gather has no rows'],
  ['bench all_gather --op max', '--op max is not for all_gather', 'leave it out'],
  [
    'decode --device cpu --variants fused --fusion-cap-mb 2',
    '--fusion-cap-mb is "2"',
    'no fused-cap (fused)',
  ],
  ['decode --device cpu --attention data --fusion-cap-mb 2', '--fusion-cap-mb', '--attention tensor'],
  ['decode --device cpu --variants nccl', '--variants is "nccl"', 'NCCL is for GPUs', 'use unfused, fused'],
  [
    'decode --device cpu --ranks 2 --attention data --variants padded-outside,summed-outside',
    '--variants is "padded-outside,summed-outside"',
    'cpu engine has no memory outside',
    'use padded, summed, plan',
  ],
  ['decode --device cpu --experts expert', '--experts is "expert"', 'tiny has no experts', 'use tensor'],
  ['decode --device cpu --ranks 3', '--ranks is 3, and tiny has 8 heads', 'use 1, 2, 4, 8'],
  ['decode --device cpu --model none', '--model is "none"', 'tiny', 'config.json'],
  [
    'generate --device cpu --model none text',
    '--model is "none"',
    'no config.json',
    'a folder with a checkpoint',
  ],
  ['generate text', '--model <folder>', 'not specified'],
  ['predict --model tiny --plan PLAN --ranks 3 --step-us 9', '--ranks is 3, and tiny has 8 heads'],
  ['predict --model llama-3.1-8b --plan PLAN --step-us 10', '--step-us is 10', 'collectives of a step alone'],
  ['predict --model llama-3.1-8b --plan PLAN --gpu abacus', '--gpu is "abacus"', 'H200'],
  ['check --engine vllm SET --gpu abacus', '--gpu is "abacus"', 'H200'],
  ['check --engine vllm SET --gpu H200 --version 0.1', '--version of vllm is "0.1"', '0.30'],
  ['check --engine vllm SET --gpu H200 --model none', '--model is "none"', 'llama-3.1-8b'],
  ['run x.ts --nodes 2 --node 2 --rendezvous a:1 --secret-file SECRET', '--node is 2; 2 nodes are 0 to 1'],
  ['run x.ts --nodes 1 --node 0 --rendezvous a:1 --secret-file SECRET', '--nodes is 1', '2 to 64'],
  ['run x.ts --nodes 2 --node 0 --rendezvous a --secret-file SECRET', '--rendezvous is "a"', 'host:port'],
  ['fuse GRAPH --buffers', '--buffers needs the number of ranks', '--ranks'],
  ['fuse GRAPH --group none', '--group is "none"', 'are of "0"'],
  ['fuse GRAPH --buffers --ranks 2 --max-tokens 5', '--max-tokens is "5"', 'leave it out'],
  ['report PLAN --svg PLAN', '--svg is', 'no folder; name one'],
  ['plan', /^Usage: /],
  ['plan frob', "unknown command 'frob'", 'crossover plan --help'],
  ['plan explain all_reduce', "missing required argument 'size'"],
  ['plan explain sort 1K', '"sort"', 'all_reduce'],
  ['plan explain all_reduce big', '"big"', '256K'],
  ['plan explain all_reduce 1K --dtype x', '--dtype', '"x"', 'bf16'],
  ['plan explain all_reduce 1K --hidden 64', '--hidden is "64"', 'has no rows'],
  ['plan explain all_reduce 3', '"3"', 'elements of bf16, 2 bytes', 'use 2 or 4'],
  ['plan explain all_reduce 1 --dtype f32', '"1"', /use 4\b/],
  ['plan explain all_reduce_rms_norm 5K --hidden 4096', '"5K"', 'rows of hidden 4096', 'use 8K'],
  ['plan explain all_reduce_rms_norm 20K', '"20K"', 'use 16K or 24K'],
  ['plan show plan.json', 'too many arguments', 'named by --plan <file>', 'crossover plan show --help'],
  ['doctor twice', 'too many arguments', 'crossover doctor --help'],
  ['run', "missing required argument 'entry'", 'crossover run --help'],
  ['run x.ts --ranks none', '--ranks', "'none'", '1 to 64'],
  ['simulate', '--p2p, --topology, --nvlink, --preset'],
  ['simulate --preset abacus', '"abacus"', 'h200-nvlink-4'],
  ['simulate --nvlink four', '--nvlink', '"four"'],
  ['simulate --nvlink 4 --fit half', '--fit', "'half'", 'latency, all, none'],
  ['simulate --nvlink 4 --algorithms rung', '"rung"', 'one_shot'],
  ['simulate --nvlink 4 -b 8Q', '-b', '"8Q"'],
  ['simulate --nvlink 4 --read-efficiency 0', '--read-efficiency is 0'],
  ['simulate --nvlink 0', '--nvlink is 0', 'from 1 to 64'],
  ['simulate --nvlink 4 --bandwidth 0', '--bandwidth is 0', 'above 0'],
  ['simulate --nvlink 4 --ranks 9', '--ranks is 9', '1 to 4'],
  ['simulate --nvlink 4 -f 1.000001', '-f is 1.000001', 'more than 1000 sizes'],
];

/** Options that would change nothing: the option, and why. */
const IGNORED: [string, ...string[]][] = [
  ['tune --operations all_reduce --hidden 4096', '--hidden is "4096"', 'no all_reduce_rms_norm (all_reduce)'],
  ['tune --operations all_gather --quantization nvfp4', '--quantization is "nvfp4"', 'alone has rows'],
  [
    'tune --operations broadcast --allow-quantized',
    '--allow-quantized is given',
    'no all_reduce (broadcast)',
  ],
  ['tune --device cpu --allow-quantized', '--allow-quantized is given', 'CPU engine'],
  ['tune --deterministic --allow-quantized', '--allow-quantized is given', '--deterministic'],
  ['tune --all --json', '--all is given', '--json'],
  ['check --live --model llama-3.1-8b', '--model is "llama-3.1-8b"', '--live is about the plan'],
  ['check --live --gpu H200', '--gpu is "H200"', '--live'],
  ['check --live --no-multicast', '--no-multicast is given', '--live'],
  ['check --engine vllm SET --gpu H200 --seconds 3', '--seconds is "3"', 'without --live'],
  ['check --engine vllm SET --plan PLAN', '--plan is', 'without --live'],
  [
    'check --engine vllm SET --gpu H200 --fusion off --fusion-cap-mb 4',
    '--fusion-cap-mb is "4"',
    'with --fusion off nothing is fused',
  ],
  ['export --for nccl-tuner SET --gpu H200', '--gpu is "H200"', '--for nccl-tuner'],
  ['export --for mscclpp SET --gpu H100 --tp 8', '--tp is "8"', '--for mscclpp'],
  ['export --for vllm SET --gpu H200 --step-ms 3', '--step-ms is "3"', 'crossover check'],
  ['fuse GRAPH --json --tokens 4', '--tokens is "4"', '--json prints no tables'],
  ['fuse GRAPH --json --graph', '--graph is given', '--json'],
  ['fuse GRAPH --max-tokens 64', '--max-tokens is "64"', '--buffers'],
  ['fuse GRAPH --mode eager', '--mode is "eager"', 'no plan'],
  ['report PLAN --json -o page.html', '--output is "page.html"', '--json'],
  ['simulate --preset h200-nvlink-4 --bandwidth 3', '--bandwidth is "3"', 'of --nvlink'],
  ['simulate --preset h200-nvlink-4 --latency 3', '--latency is "3"', '--nvlink and --p2p'],
  ['simulate --nvlink 4 --fit all', '--fit is "all"', 'without --measured'],
  ['simulate --p2p P2P --measured MEASURED -f 4', '--factor is "4"', 'without -b and -e'],
  ['simulate --p2p P2P --measured MEASURED --fit none --fit-below 1M', '--fit-below is "1M"', '--fit none'],
];
REFUSED.push(...IGNORED.map(([line, ...parts]): [string, ...string[]] => [line, ...parts, 'leave']));

/** Files that lines above name. */
const FILES: Readonly<Record<string, () => string>> = {
  PLAN: () => join(ROOT, 'results/4xh200/plan-4-gpus.json'),
  SET: () => join(ROOT, 'test/data/interop/fused_collective_tp8_default.txt'),
  GRAPH: () => join(ROOT, 'test/data/graph/llama.pt2'),
  P2P: () => join(ROOT, 'test/data/p2pBandwidthLatencyTest_4x4090.txt'),
  MEASURED: () => join(ROOT, 'test/data/custom_all_reduce_test_4x4090.txt'),
  SECRET: () => {
    const path = join(folder(), 'secret');
    writeFileSync(path, 'not known to anybody', { mode: 0o600 });
    return path;
  },
};

describe('refusals', () => {
  test.each(REFUSED)('%s', async (line, ...parts) => {
    const { code, out, error } = await ask(
      line.split(' ').map((word) => FILES[word]?.() ?? word),
      { cwd: folder() },
    );
    expect({ code, out }).toEqual({ code: 2, out: '' });
    for (const part of parts)
      expect(error).toMatch(part instanceof RegExp ? part : new RegExp(literal(part)));
    if (!error.startsWith('Usage: ')) expect(error).toMatch(/^error: [^\n]+\n$/);
  });
});

/** Commands and options that name a file or a folder. */
const NAMING: [string, ...string[]][] = [
  ['tune', '-o'],
  ['decode', '-o', '--plan'],
  ['serve-bench', '-o', '--plan'],
  ['predict', '--plan'],
  ['generate', '--plan'],
  ['fuse x.json', '-o', '--plan'],
  ['import x.txt', '-o'],
  ['export --for vllm x.txt', '-o'],
  ['report', '-o', '--plan', '--svg', '--losses'],
  ['check --live', '--plan'],
  ['plan show', '--plan'],
  ['run x.ts', '--plan'],
];

test.each(NAMING)('%s: no file has an empty name', async (line, ...options) => {
  for (const option of options) {
    const { code, out, error } = await ask([...line.split(' '), option, ''], { cwd: folder() });
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(error).toMatch(
      new RegExp(`^error: option '[^']*${option}[^']*' argument '' is invalid. It is empty; [^\n]+\n$`),
    );
  }
});

test.skipIf(process.platform !== 'linux')('files that cannot be made are refused first', async () => {
  for (const line of ['tune', 'decode', 'import x.txt', 'report x.txt', 'fuse x.json']) {
    const { code, out, error } = await ask([...line.split(' '), '-o', '/proc/x.json'], { cwd: folder() });
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(error).toMatch(
      /^error: (-o|--output) is "\/proc\/x\.json", but the folder \/proc cannot be written to: [^\n]+\n$/,
    );
  }
});

function literal(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
