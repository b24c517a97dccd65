/**
 * @file Compiles every CUDA kernel for every generation of GPUs with nvcc, warnings as errors, and checks that nothing spills and nothing uses a stack.
 * Prints registers by kernel. Needs no GPU; without nvcc it says so and succeeds.
 *
 *   node scripts/check-kernels.mjs [--all] [kernel...]
 *
 * By default specialisations are all dtypes and quantizations, at 2, 4 and 8 ranks, summing; --all takes the other world sizes and reductions, too.
 * Of those that differ by two of world size, dtype and quantization, each architecture gets a quarter, so that together they get all; of those that differ by
 * all three, one of every other quantization. For kernels that are named, it gets all. Kernels of models get what MODEL_SOURCES lists.
 * One run of nvcc takes many specialisations, of several files: each in a namespace of its own, under other names. Results are kept in .tmp/ by source hash.
 */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AXES, definesOf, specialisations } from '../dist/engine/cuda/catalog/kernel.js';
import { KERNELS } from '../dist/engine/cuda/catalog.js';
import { MODEL_SOURCES } from '../dist/engine/cuda/compute/table.js';
import { INCLUDES, nvcc } from '../dist/engine/cuda/nvcc.js';
import {
  KERNELS_FOLDER,
  MODEL_FOLDER,
  sourceHash,
  sourcePath,
  sourcesIn,
  sourceText,
} from '../dist/engine/cuda/sources.js';

const ARCHITECTURES = ['sm_80', 'sm_90a', 'sm_100a', 'sm_120a'];
const DEFAULT_ONLY = { world: [2, 4, 8], reduce: [0] };
/** Starting nvcc costs as much as three to ten specialisations. */
const SPECIALISATIONS_A_RUN = 24;
const OPTIONS = ['-std=c++17', '--Werror', 'all-warnings'];
const TO_CUBIN = ['-cubin', '-Xptxas', '-v'];
// Enough to find a file's functions, and what is wrong with its text.
const TO_FUNCTIONS = ['-ptx', '-Xcicc', '-O0'];
// A file whose headers are pasted into it has functions that it does not call; the file as it is has none.
const PASTED = ['-diag-suppress', '177'];
const MOST_MS = 600_000;

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const all = process.argv.includes('--all');
const wanted = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const compiler = findNvcc();
const started = performance.now();
const architectures = ARCHITECTURES.filter((name) =>
  compiler.architectures.includes(Number.parseInt(name.slice(3), 10)),
);
const unknown = ARCHITECTURES.filter((name) => !architectures.includes(name));
if (unknown.length > 0)
  console.log(`check-kernels: left out ${unknown.join(', ')}: nvcc ${compiler.version} does not know them`);
if (architectures.length === 0) process.exit(0);
const folder = mkdtempSync(join(tmpdir(), 'crossover-check-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const kept = readResults();
let runs = 0;
const sources = [KERNELS_FOLDER, MODEL_FOLDER].flatMap(sourcesIn).filter((name) => name.endsWith('.cu'));
const files = await inParallel(sources, describeFile);
const chosen = files.filter(
  ({ entries, error }) => error || wanted.length === 0 || entries.some((entry) => wanted.includes(entry)),
);
if (chosen.length === 0) {
  console.error(
    `check-kernels: no kernel ${wanted.join(', ')}; there are ${files.flatMap(({ entries }) => entries).join(', ')}`,
  );
  process.exit(1);
}
await inParallel(architectures.flatMap(jobsOf), run);
writeResults();
const problems = chosen.flatMap(problemsOf);
printTable();
for (const problem of problems) console.log(`PROBLEM ${problem}`);
process.exit(problems.length === 0 ? 0 : 1);

function findNvcc() {
  try {
    return nvcc();
  } catch (error) {
    console.log(`check-kernels: skipped: ${error.message}; kernels are not compiled here`);
    return process.exit(0);
  }
}

/** What a file is specialised by, its functions, and what is known of them. To find its functions it is compiled as it is. */
async function describeFile(file) {
  const variants = new Map(
    architectures.map((architecture, number) => [
      architecture,
      MODEL_SOURCES[file] ?? specialisationsOf(file, number),
    ]),
  );
  const hash = `${sourceHash(file)} nvcc ${compiler.version} ${[...OPTIONS, ...TO_CUBIN].join(' ')}`;
  if (kept[file]?.hash !== hash) {
    const output = join(folder, `${file}.ptx`);
    const options = [...TO_FUNCTIONS, '-arch', architectures[0], '-o', output, sourcePath(file)];
    const { code, log } = await runNvcc(options);
    const ptx = code === 0 ? readFileSync(output, 'utf8') : '';
    const entries = [...ptx.matchAll(/^\.visible \.entry (\w+)/gm)].map(([, entry]) => entry);
    kept[file] = { hash, entries, error: code === 0 ? undefined : log, results: {} };
  }
  const { entries, error, results } = kept[file];
  return { file, entries, error, variants, results };
}

/** Macros of collectives' kernels that are due on an architecture, given by its number. */
function specialisationsOf(file, number) {
  const kernels = Object.values(KERNELS).filter(({ source }) => source === file);
  const by = Object.keys(AXES).filter((axis) => kernels.some((kernel) => kernel.by.includes(axis)));
  const kernel = { source: file, by };
  return specialisations(kernel, all ? {} : DEFAULT_ONLY)
    .filter((one) => isDue(one, number))
    .map((one) => definesOf(kernel, one));
}

/** A quarter of what differs by two axes: a diagonal, another one for the next architecture. By three: one world size and dtype for every other quantization. */
function isDue({ world, dtype, quant }, number) {
  const size = DEFAULT_ONLY.world.indexOf(world);
  const axes = [world && size, dtype, quant].filter((value) => value !== undefined);
  if (all || wanted.length > 0 || axes.length < 2) return true;
  if (axes.length === 2) return (axes[0] + axes[1] + number) % ARCHITECTURES.length === 0;
  return (quant + number) % 2 === 0 && size === (quant + number) % 3 && dtype === (2 * quant + number) % 3;
}

/** Runs of nvcc for what is not known yet of an architecture. */
function jobsOf(architecture) {
  const missing = chosen
    .filter(({ error }) => !error)
    .flatMap((described) =>
      described.variants
        .get(architecture)
        .filter((defines) =>
          described.entries.some((entry) => !described.results[keyOf(entry, defines, architecture)]),
        )
        .map((defines) => ({ described, defines })),
    );
  const list = [];
  for (let i = 0; i < missing.length; i += SPECIALISATIONS_A_RUN) {
    list.push({ architecture, parts: missing.slice(i, i + SPECIALISATIONS_A_RUN) });
  }
  return list;
}

function keyOf(entry, defines, architecture) {
  return [entry, ...defines, architecture].join(' ');
}

async function run({ architecture, parts }) {
  const number = runs;
  const output = join(folder, `${number}.cubin`);
  const source = join(folder, `${number}.cu`);
  writeFileSync(source, parts.map(pasted).join('\n'));
  const { code, log } = await runNvcc([...TO_CUBIN, ...PASTED, '-arch', architecture, '-o', output, source]);
  // Each file by itself tells whose fault it is.
  const files = new Set(parts.map(({ described }) => described));
  if (code !== 0 && files.size > 1) {
    for (const file of files)
      await run({ architecture, parts: parts.filter(({ described }) => described === file) });
    return;
  }
  const found = parse(log);
  for (const [index, { described, defines }] of parts.entries()) {
    for (const entry of described.entries) {
      const result = found.get(renamed(entry, index));
      described.results[keyOf(entry, defines, architecture)] =
        code === 0 && result ? result : { error: log || `nvcc ended with ${code}` };
    }
  }
}

function runNvcc(options) {
  runs++;
  return new Promise((resolve) => {
    const args = [...INCLUDES, ...OPTIONS, ...options];
    execFile(compiler.path, args, { timeout: MOST_MS, maxBuffer: 2 ** 28 }, (error, stdout, stderr) =>
      resolve({ code: error ? (error.code ?? 1) : 0, log: `${stdout}${stderr}` }),
    );
  });
}

function renamed(entry, index) {
  return `${entry}__${index}`;
}

/** A specialisation in a namespace: headers pasted in place of their includes, macros undefined at its end. */
function pasted({ described: { file, entries }, defines }, index) {
  const macros = new Map(defines.map((define) => define.split('=')));
  for (const entry of entries) macros.set(entry, renamed(entry, index));
  const done = new Set();
  const text = paste(file, done);
  const own = [...text.matchAll(/^\s*#\s*define\s+(\w+)/gm)].map(([, name]) => name);
  return [
    ...[...macros].map(([name, value]) => `#define ${name} ${value}`),
    `namespace specialisation_${index} {`,
    text,
    '}',
    ...[...new Set([...macros.keys(), ...own])].map((name) => `#undef ${name}`),
  ].join('\n');
}

function paste(file, done) {
  done.add(file);
  const text = sourceText(file).replace(/^\s*#\s*pragma\s+once.*$/gm, '');
  const lines = text.split('\n').map((line, number) => {
    const header = /^\s*#\s*include\s*"([^"]+)"/.exec(line)?.[1];
    if (header === undefined) return line;
    return done.has(header) ? '' : `${paste(header, done)}\n#line ${number + 2} "${file}"`;
  });
  return `#line 1 "${file}"\n${lines.join('\n')}`;
}

/** What ptxas says of each function. */
function parse(log) {
  const found = new Map();
  let current;
  for (const line of log.split('\n')) {
    const name = /Compiling entry function '(\w+)'/.exec(line)?.[1];
    if (name) {
      current = { registers: 0, stack: 0, spilled: 0 };
      found.set(name, current);
    }
    if (!current) continue;
    const memory = /(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads/.exec(line);
    if (memory) {
      current.stack += Number(memory[1]);
      current.spilled += Number(memory[2]) + Number(memory[3]);
    }
    const registers = /Used (\d+) registers/.exec(line)?.[1];
    if (registers) current.registers = Number(registers);
  }
  return found;
}

function resultsOf(described, entry, architecture) {
  return described.variants.get(architecture).map((defines) => ({
    defines,
    ...described.results[keyOf(entry, defines, architecture)],
  }));
}

/** One line for each thing that must not be. A log that many specialisations share is told once. */
function problemsOf(described) {
  if (described.error) return [`${described.file}: ${errorsIn(described.error)}`];
  const found = new Set();
  for (const architecture of architectures) {
    for (const entry of described.entries) {
      for (const { defines, error, stack, spilled } of resultsOf(described, entry, architecture)) {
        const what = `${[entry, ...defines].join(' ')} ${architecture}`;
        if (error) found.add(`${described.file} ${architecture}: ${errorsIn(error)}`);
        else if (stack + spilled > 0) found.add(`${what}: ${stack} bytes of stack, ${spilled} bytes spilled`);
      }
    }
  }
  return [...found];
}

function errorsIn(log) {
  const lines = log.split('\n').filter((line) => /error|warning|fatal/i.test(line));
  return (lines.length > 0 ? lines : log.split('\n')).slice(0, 4).join(' | ');
}

function printTable() {
  const rows = [
    ['kernel', 'specialisations', ...architectures.map((name) => `${name} registers`), 'most registers'],
  ];
  for (const described of chosen) {
    for (const entry of described.entries) {
      const cells = architectures.map((architecture) => {
        const registers = resultsOf(described, entry, architecture).map(
          (result) => result.registers ?? Number.NaN,
        );
        const [least, most] = [Math.min(...registers), Math.max(...registers)];
        return Number.isNaN(most) ? 'failed' : least === most ? `${most}` : `${least}..${most}`;
      });
      const [worst] = architectures
        .flatMap((architecture) =>
          resultsOf(described, entry, architecture).map((result) => ({ ...result, architecture })),
        )
        .sort((a, b) => (b.registers ?? 0) - (a.registers ?? 0));
      rows.push([
        entry,
        `${described.variants.get(worst.architecture).length}`,
        ...cells,
        [...worst.defines, worst.architecture].join(' '),
      ]);
    }
  }
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  for (const row of rows)
    console.log(
      row
        .map((cell, column) => cell.padEnd(widths[column]))
        .join('  ')
        .trimEnd(),
    );
  const count = chosen.reduce(
    (sum, { entries, variants }) =>
      sum + entries.length * [...variants.values()].reduce((most, { length }) => most + length, 0),
    0,
  );
  const few = 'world sizes 2, 4 and 8, sum only';
  const part =
    wanted.length > 0
      ? ''
      : ', a quarter of those by two axes, one of every other quantization an architecture';
  const covered = all ? 'all world sizes and reductions' : `${few}${part} (--all for the rest)`;
  const seconds = Math.round((performance.now() - started) / 1000);
  console.log(
    `check-kernels: ${count} specialisations for ${architectures.join(', ')} by nvcc ${compiler.version}; ${covered}; ` +
      `${runs} runs of nvcc, ${seconds} s; ${problems.length === 0 ? 'no spill, no stack, no warning' : `${problems.length} problems`}`,
  );
}

async function inParallel(items, work) {
  const done = [];
  let next = 0;
  const worker = async () => {
    while (next < items.length) {
      const number = next++;
      done[number] = await work(items[number]);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  return done;
}

function readResults() {
  try {
    return JSON.parse(readFileSync(join('.tmp', 'check-kernels.json'), 'utf8'));
  } catch {
    return {};
  }
}

/** What failed is compiled again the next time. */
function writeResults() {
  const succeeded = Object.entries(kept)
    .filter(([, { error }]) => !error)
    .map(([file, { results, ...rest }]) => [
      file,
      { ...rest, results: Object.fromEntries(Object.entries(results).filter(([, { error }]) => !error)) },
    ]);
  mkdirSync('.tmp', { recursive: true });
  writeFileSync(join('.tmp', 'check-kernels.json'), JSON.stringify(Object.fromEntries(succeeded)));
}
