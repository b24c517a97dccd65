/**
 * @file How long importing, fusing and placing take, and how much memory, for graphs that torch exported: as they are, and repeated to a hundred layers.
 * A child process a file, so that memory is the file's own: what the process holds at most, less what it held before.
 */
import { fork } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { importGraph } from '../dist/graph/import/import.js';
import { optimize } from '../dist/graph/optimize.js';
import { median } from '../dist/measure/statistics.js';
import { header, numberOption, parseOptions, printTable, save } from './common.mjs';

const USAGE = 'node bench/graph.mjs [--layers 100] [--rounds 7] [-o results/graph.json]';
const here = (name) => fileURLToPath(new URL(`../test/data/graph/${name}`, import.meta.url));
const FILES = ['llama.pt2', 'qwen3.pt2', 'llama-bfloat16-core.json.gz', 'qwen3-bfloat16-core.json.gz'];
const REPEATED = 'qwen3-bfloat16-core.json.gz';

if (process.send) process.once('message', measure);
else await main();

async function main() {
  const options = parseOptions(USAGE, {
    layers: { type: 'string', default: '100' },
    rounds: { type: 'string', default: '7' },
    output: { type: 'string', short: 'o' },
  });
  const layers = numberOption(options.layers, '--layers', 2);
  const rounds = numberOption(options.rounds, '--rounds', 1);
  const folder = mkdtempSync(join(tmpdir(), 'crossover-graph-'));
  try {
    const large = join(folder, `${layers}-layers.json`);
    writeFileSync(large, JSON.stringify(repeated(layers)));
    const rows = [];
    for (const file of [...FILES.map(here), large]) {
      // Several rounds leave garbage behind that one has not.
      const { memory } = await inChild({ file, rounds: 1 });
      rows.push({ ...(await inChild({ file, rounds })), memory });
    }
    print(rows);
    if (options.output) save(options.output, { ...(await header('cpu')), rounds, rows });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function inChild(task) {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(import.meta.url), [], { execArgv: ['--expose-gc'] });
    child.once('message', (row) => {
      resolve(row);
      child.disconnect();
    });
    child.once('exit', (code) => code !== 0 && reject(new Error(`${task.file}: exit code ${code}`)));
    child.send(task);
  });
}

async function measure({ file, rounds }) {
  globalThis.gc();
  const before = process.memoryUsage().rss;
  const times = { import: [], fuse: [] };
  let optimized;
  for (let i = 0; i < rounds; i++) {
    const start = performance.now();
    const graph = await importGraph(file);
    const middle = performance.now();
    optimized = optimize(graph, { fusionCapBytes: Number.POSITIVE_INFINITY, worldSize: 4 });
    times.import.push(middle - start);
    times.fuse.push(performance.now() - middle);
  }
  const bytes = statSync(file).size;
  const text = file.endsWith('.gz') ? gunzipSync(readFileSync(file)).length : bytes;
  process.send({
    file: basename(file),
    bytes: text,
    nodes: optimized.graph.nodes.length,
    sites: optimized.decisions.length,
    fused: optimized.variants[0].fused.length,
    firstMs: times.import[0] + times.fuse[0],
    importMs: median(times.import),
    fuseMs: median(times.fuse),
    memory: Math.max(0, process.resourceUsage().maxRSS * 1024 - before),
  });
}

/** A graph with so many layers: copies of one with two, beside each other, each with names of its own. */
function repeated(layers) {
  const model = JSON.parse(gunzipSync(readFileSync(here(REPEATED))).toString());
  const { graph, signature } = model.graph_module;
  const parts = Array.from({ length: Math.ceil(layers / 2) }, (_, i) => renamed(graph, i));
  const all = (key) => parts.flatMap((part) => part[key]);
  const merged = (key) => Object.assign({}, ...parts.map((part) => part[key]));
  return {
    ...model,
    graph_module: {
      ...model.graph_module,
      graph: {
        ...graph,
        inputs: all('inputs'),
        outputs: all('outputs'),
        nodes: all('nodes'),
        tensor_values: merged('tensor_values'),
        sym_int_values: merged('sym_int_values'),
        sym_bool_values: merged('sym_bool_values'),
      },
      signature: {
        ...signature,
        input_specs: parts.flatMap((_, i) => renamed(signature.input_specs, i)),
        output_specs: parts.flatMap((_, i) => renamed(signature.output_specs, i)),
      },
    },
  };
}

/** Every name of a value with a number behind it. */
function renamed(json, i) {
  const names = new Set();
  const collect = (value) => {
    if (Array.isArray(value)) value.forEach(collect);
    else if (value && typeof value === 'object') {
      if (value.as_tensor) names.add(value.as_tensor.name);
      if (value.as_tensors) for (const one of value.as_tensors) names.add(one.name);
      for (const one of Object.values(value)) collect(one);
    }
  };
  collect(json);
  const rename = (value, key) => {
    if (Array.isArray(value)) return value.map((one) => rename(one));
    if (value && typeof value === 'object')
      return Object.fromEntries(
        Object.entries(value).map(([name, one]) => [
          key === 'tensor_values' ? `${name}_${i}` : name,
          rename(one, name),
        ]),
      );
    return key === 'name' && names.has(value) ? `${value}_${i}` : value;
  };
  return rename(json);
}

function print(rows) {
  printTable(
    [
      'file',
      'KiB',
      'nodes',
      'sites',
      'first ms',
      'import ms',
      'fuse and place ms',
      'memory MiB',
      'of the file',
    ],
    rows.map(({ file, bytes, nodes, sites, firstMs, importMs, fuseMs, memory }) => [
      file,
      (bytes / 1024).toFixed(0),
      String(nodes),
      String(sites),
      firstMs.toFixed(1),
      importMs.toFixed(1),
      fuseMs.toFixed(1),
      (memory / 2 ** 20).toFixed(1),
      `${(memory / bytes).toFixed(1)} x`,
    ]),
  );
}
