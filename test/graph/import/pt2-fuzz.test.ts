/**
 * @file Damaged archives and graphs: each is imported, or refused by one CrossoverError on one line; nothing else, soon, and in little memory. Seeded,
 * so that a failure comes back. CROSSOVER_FUZZ sets the number of graphs and of texts.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CrossoverError } from '../../../dist/errors.js';
import { importGraph } from '../../../dist/graph/import/import.js';
import { importPt2Graph } from '../../../dist/graph/import/pt2/pt2.js';
import type { Graph } from '../../../dist/graph/ir/graph.js';
import { verify } from '../../../dist/graph/ir/verify.js';

const COUNT = Number(process.env.CROSSOVER_FUZZ ?? 700);
/** Each is as large as the whole, so that there are fewer. */
const ARCHIVES = Math.ceil(COUNT / 4);
/** ms for one file. Twenty times what the whole one takes here. */
const MOST_TIME = 2000;

let state = 2024;
/** Whole number from 0 to less than `below` (mulberry32). */
function random(below: number): number {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) % below;
}
const pick = <T>(items: readonly T[]): T => items[random(items.length)]!;

const data = (name: string): Buffer =>
  readFileSync(fileURLToPath(new URL(`../../data/graph/${name}`, import.meta.url)));
const JSONS = ['llama-bfloat16-aten.json.gz', 'qwen3-bfloat16-core.json.gz'].map((name) =>
  gunzipSync(data(name)).toString(),
);
/** The first nodes of each: enough of every kind, and quick to copy. */
const MODELS: string[] = JSONS.map((text) => firstNodes(JSON.parse(text), 90));

interface Exported {
  graph_module: {
    graph: {
      nodes: { outputs: unknown[] }[];
      outputs: unknown[];
      tensor_values: { [name: string]: unknown };
    };
    signature: { output_specs: unknown[] };
  };
}

function firstNodes(model: Exported, count: number): string {
  const { graph, signature } = model.graph_module;
  graph.nodes.splice(count);
  graph.outputs = graph.nodes.at(-1)!.outputs;
  signature.output_specs = graph.outputs.map((arg) => ({ user_output: { arg } }));
  const rest = JSON.stringify([graph.nodes, (graph as unknown as { inputs: unknown }).inputs]);
  for (const name of Object.keys(graph.tensor_values))
    if (!rest.includes(`"${name}"`)) delete graph.tensor_values[name];
  return JSON.stringify({ ...model, graph_module: { graph, signature } });
}

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'crossover-fuzz-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** What became of each file, for the record. */
const outcomes = { imported: 0, refused: 0 };

async function judge(what: string, action: () => Graph | Promise<Graph>): Promise<void> {
  const start = performance.now();
  const before = process.memoryUsage().arrayBuffers;
  let graph: Graph | undefined;
  try {
    graph = await action();
    verify(graph);
    outcomes.imported++;
  } catch (error) {
    outcomes.refused++;
    if (!(error instanceof CrossoverError)) throw new Error(`${what}: ${(error as Error).stack}`);
    if (error.message.includes('\n')) throw new Error(`${what}: on several lines: ${error.message}`);
  }
  const took = performance.now() - start;
  if (took > MOST_TIME) throw new Error(`${what}: took ${took} ms`);
  const grown = process.memoryUsage().arrayBuffers - before;
  if (grown > 256 * 2 ** 20) throw new Error(`${what}: took ${grown} bytes`);
  for (const [name, weight] of graph?.weights ?? []) {
    try {
      weight.storage();
    } catch (error) {
      if (!(error instanceof CrossoverError))
        throw new Error(`${what}: weight ${name}: ${(error as Error).stack}`);
    }
  }
}

type Container = { [key: string]: unknown } | unknown[];
const isContainer = (value: unknown): value is Container => typeof value === 'object' && value !== null;

/** Keys down to a random place, more often in the graph than elsewhere. */
function place(model: unknown): { holder: Container; key: string | number } {
  let holder = model as Container;
  let depth = 1 + random(10);
  for (;;) {
    const keys = Object.keys(holder);
    const key = holder === model && random(8) > 0 ? 'graph_module' : pick(keys);
    const next = (holder as { [key: string]: unknown })[key];
    if (--depth <= 0 || !isContainer(next) || Object.keys(next).length === 0) return { holder, key };
    holder = next;
  }
}

const ODD: readonly (() => unknown)[] = [
  () => null,
  () => true,
  () => 0,
  () => -1,
  () => 1.5,
  () => random(1000),
  () => 2 ** 31,
  () => 2 ** 53,
  () => 2 ** 63,
  () => -(2 ** 63),
  () => 1e300,
  () => '',
  () => 'x',
  () => 'Infinity',
  () => '__proto__',
  () => 'constructor',
  () => 'add_1',
  () => [],
  () => ({}),
  () => [[]],
  () => ({ as_tensor: { name: 'add_1' } }),
  () => ({ as_none: true }),
  () => ({ as_int: random(5) }),
  () => ({ as_ints: [random(5), -1, 2 ** 40] }),
  () => ({ as_sym_int: { as_name: 'add_1' } }),
  () => ({
    as_expr: {
      expr_str: pick([
        "Symbol('s0')",
        "Mul(Integer(2), Symbol('s1'))",
        'Add(',
        's0**s0**s0',
        '('.repeat(5000),
      ]),
    },
  }),
  () => ({ as_graph: { name: 'g', graph: {} } }),
  () =>
    pick([
      'torch.ops.aten.add_.Tensor',
      'torch.ops.aten.view.default',
      'torch.ops.aten.cat.default',
      'torch.ops.aten.copy_.default',
      'torch.ops.mylib.foo.default',
      'torch.ops.aten.repeat.default',
      'torch.ops.aten.split.Tensor',
      'torch.ops.higher_order.wrap_with_set_grad_enabled',
    ]),
];

function mutate(model: unknown): void {
  const { holder, key } = place(model);
  const at = holder as { [key: string]: unknown };
  switch (random(6)) {
    case 0:
      if (Array.isArray(holder)) holder.splice(Number(key), 1);
      else delete at[key];
      break;
    case 1:
      at[key] = pick(ODD)();
      break;
    case 2: {
      const other = place(model);
      const there = other.holder as { [key: string]: unknown };
      // Copies, so that nothing stands inside itself.
      const [a, b] = [structuredClone(at[key]), structuredClone(there[other.key])];
      at[key] = b;
      there[other.key] = a;
      break;
    }
    case 3:
      if (Array.isArray(holder)) holder.splice(Number(key), 0, structuredClone(holder[Number(key)]));
      else at[`${key}_2`] = structuredClone(at[key]);
      break;
    case 4:
      at[key] = typeof at[key] === 'number' ? (at[key] as number) + random(5) - 2 : pick(ODD)();
      break;
    default:
      if (typeof at[key] === 'string') at[key] = (at[key] as string).slice(random(4));
      else at[key] = pick(ODD)();
  }
}

describe('damaged files', () => {
  it(`${COUNT} graphs with fields missing, of other kinds, or in each other's place`, {
    timeout: 3_600_000,
  }, async () => {
    for (let i = 0; i < COUNT; i++) {
      const model: unknown = JSON.parse(pick(MODELS));
      for (let changes = 1 + random(4); changes > 0; changes--) mutate(model);
      await judge(`graph ${i}`, () => importPt2Graph(model, 'm', new Map()));
    }
  });

  it(`${COUNT} texts cut short or with other characters`, { timeout: 3_600_000 }, async () => {
    for (let i = 0; i < COUNT; i++) {
      const text = pick(MODELS);
      const at = random(text.length);
      const damaged =
        random(3) === 0
          ? text.slice(0, at)
          : text.slice(0, at) +
            pick(['"', '{', '}', '[', ',', '9', '-', 'null', '\\u0000', 'as_int', '\n']) +
            text.slice(at + random(6));
      const path = join(folder, 'm.json');
      writeFileSync(path, damaged);
      await judge(`text ${i}`, () => importGraph(path));
    }
  });

  it.each(['llama.pt2', 'qwen3.pt2'])(
    `${ARCHIVES} archives like %s with other bytes, or cut short`,
    { timeout: 3_600_000 },
    async (name) => {
      const whole = data(name);
      const directory = Number(whole.readBigUInt64LE(whole.lastIndexOf('PK\x06\x06') + 48));
      const path = join(folder, name);
      for (let i = 0; i < ARCHIVES; i++) {
        let bytes = Buffer.from(whole);
        for (let changes = 1 + random(3); changes > 0; changes--) {
          // More often where the structure is: the directory, and the JSON in front of it.
          const from = pick([directory, directory, whole.length - 120, whole.length - 300_000, 0]);
          const at = from + random(whole.length - from);
          const kind = random(4);
          if (kind === 0) bytes[at]! ^= 1 << random(8);
          else if (kind === 1) bytes[at] = pick([0, 0xff, 0x7f, 0x80]);
          else if (kind === 2) bytes.fill(pick([0, 0xff]), at, Math.min(at + random(9), bytes.length));
          else if (random(4) === 0)
            bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + random(20))]);
          else bytes[at]! += 1 + random(3);
          if (random(20) === 0) bytes = bytes.subarray(0, random(bytes.length));
          if (bytes.length < whole.length) break;
        }
        writeFileSync(path, bytes);
        await judge(`archive ${i}`, () => importGraph(path));
      }
    },
  );

  it('were of both sorts', () => {
    expect(outcomes.imported).toBeGreaterThan(COUNT / 4);
    expect(outcomes.refused).toBeGreaterThan(COUNT);
    if (process.env.CROSSOVER_FUZZ !== undefined) console.log(outcomes);
  });
});
