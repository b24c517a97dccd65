/**
 * @file Mutated plan files: each is either a valid plan or one CrossoverError on one line. Seeded, so that a failure comes back.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { CrossoverError } from '../../dist/errors.js';
import { formatPlan, loadPlan, parsePlan } from '../../dist/plan/file.js';
import { compilePlan } from '../../dist/plan/lookup.js';
import { validatePlan } from '../../dist/plan/validate.js';
import { FUSED, sampleEntry, samplePlan } from './samples.ts';

const FILES = 4000;

let state = 12345;
/** Whole number from 0 to less than `below` (mulberry32). */
function random(below: number): number {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) % below;
}
const pick = <T>(items: readonly T[]): T => items[random(items.length)]!;

const TEXT = formatPlan(
  samplePlan([sampleEntry(), sampleEntry(FUSED), sampleEntry({ ...FUSED, hidden: 512 })]),
);
const BYTES = new TextEncoder().encode(TEXT);
const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

/** JSON texts that stand in for any value. */
const VALUES = [
  'null',
  'true',
  '0',
  '-0',
  '-1',
  '1',
  '1.5',
  '4096',
  '65536',
  '1e308',
  '1e999',
  '-1e999',
  '5e-324',
  '9007199254740993',
  '123456789012345678901234567890',
  '""',
  '"x"',
  '"\\u0000"',
  '"\\ud800"',
  '"2026-02-30T00:00:00Z"',
  '[]',
  '{}',
  '[[]]',
  '[null]',
  '{"__proto__":null}',
  '{"__proto__":{"us":1}}',
  '{"constructor":{"prototype":1}}',
  '{"toString":1}',
  '{"length":-1}',
  '[1,2,3]',
  '{"blocks":"many"}',
  `"${'long '.repeat(500)}"`,
];
const NAMES = [
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  'from',
  'to',
  'schema',
  'key',
  '',
  'a\\nb',
  '0',
];

function deep(): string {
  const depth = 1 + random(20_000);
  return pick([
    '['.repeat(depth) + ']'.repeat(depth),
    `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`,
    '['.repeat(depth),
    '{"entries":['.repeat(depth),
  ]);
}

/** Replaces one scalar, or one whole array or object by its bracket, somewhere in the text. */
function swapValue(text: string): string {
  const scalars = [...text.matchAll(/(?<=[:[,] ?)(?:-?\d[\d.e+-]*|true|false|null|"[^"]*"(?!:))/g)];
  const { 0: found, index } = pick(scalars);
  const value = random(60) === 0 ? deep() : pick(VALUES);
  return text.slice(0, index) + value + text.slice(index + found.length);
}

const MUTATIONS: ((bytes: Uint8Array) => Uint8Array)[] = [
  function flipBit(bytes) {
    const copy = bytes.slice();
    const at = random(copy.length);
    copy[at] = copy[at]! ^ (1 << random(8));
    return copy;
  },
  function setByte(bytes) {
    const copy = bytes.slice();
    copy[random(copy.length)] = random(256);
    return copy;
  },
  function remove(bytes) {
    const at = random(bytes.length);
    return Uint8Array.from([...bytes.subarray(0, at), ...bytes.subarray(at + 1 + random(pick([1, 8, 300])))]);
  },
  function insert(bytes) {
    const at = random(bytes.length);
    const added = pick([
      () => [random(256)],
      () => [...encode(pick(VALUES))],
      () => [...bytes.subarray(at, at + 200)],
    ])();
    return Uint8Array.from([...bytes.subarray(0, at), ...added, ...bytes.subarray(at)]);
  },
  function truncate(bytes) {
    return bytes.subarray(0, random(bytes.length));
  },
  function swap(bytes) {
    return encode(swapValue(new TextDecoder().decode(bytes)));
  },
  function swapDigits(bytes) {
    const text = new TextDecoder().decode(bytes);
    const { 0: found, index } = pick([...text.matchAll(/\d+/g)]);
    return encode(
      text.slice(0, index) +
        pick(['0', '1', '-7', '1e400', '4096', '9'.repeat(400)]) +
        text.slice(index + found.length),
    );
  },
  function addField(bytes) {
    const text = new TextDecoder().decode(bytes);
    const { index } = pick([...text.matchAll(/\{/g)]);
    return encode(`${text.slice(0, index + 1)}"${pick(NAMES)}": ${pick(VALUES)}, ${text.slice(index + 1)}`);
  },
  function renameField(bytes) {
    const text = new TextDecoder().decode(bytes);
    const { 0: found, index } = pick([...text.matchAll(/"\w+":/g)]);
    return encode(`${text.slice(0, index)}"${pick(NAMES)}":${text.slice(index + found.length)}`);
  },
];

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'crossover-fuzz-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** True for a plan, false for a refusal; anything else is thrown on. */
function accepts(read: () => ReturnType<typeof parsePlan>): boolean {
  let plan: ReturnType<typeof parsePlan>;
  try {
    plan = read();
  } catch (error) {
    if (!(error instanceof CrossoverError)) throw error;
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that there are none is the point
    expect(error.message).not.toMatch(/[\u0000-\u001f\u2028\u2029]/);
    expect(error.message.length).toBeLessThan(2000);
    return false;
  }
  // What was accepted is a plan indeed: it passes again, can be written, and answers.
  expect(validatePlan(plan, 'again')).toEqual(plan);
  expect(parsePlan(formatPlan(plan), 'again')).toEqual(JSON.parse(JSON.stringify(plan)));
  for (const { key } of plan.entries) expect(compilePlan(plan).entry(key)!.find(5000).us).toBeGreaterThan(0);
  return true;
}

it(`reads ${FILES} mutated files without any other outcome`, () => {
  const start = process.cpuUsage();
  const path = join(folder, 'plan.json');
  const decoder = new TextDecoder();
  let accepted = 0;
  for (let file = 0; file < FILES; file++) {
    let bytes: Uint8Array = BYTES;
    for (let count = 1 + random(3); count > 0 && bytes.length > 300; count--) {
      try {
        bytes = pick(MUTATIONS)(bytes);
      } catch (error) {
        // A mutation that finds nothing to change in an already mutated text.
        if (!(error instanceof TypeError)) throw error;
      }
    }
    // A part of them goes through the disk, where bytes need not be text.
    if (file % 10 === 0) writeFileSync(path, bytes);
    const mutated = bytes;
    if (accepts(() => (file % 10 === 0 ? loadPlan(path) : parsePlan(decoder.decode(mutated), 'fuzz'))))
      accepted++;
  }
  expect(accepted).toBeGreaterThan(FILES / 100);
  expect(accepted).toBeLessThan(FILES / 2);
  expect(({} as { us?: number }).us).toBeUndefined();
  // Of this process, however busy the host is.
  expect(process.cpuUsage(start).user / 1e6).toBeLessThan(8);
});

it('survives what is large or deep', () => {
  const valid = formatPlan(samplePlan([]));
  const large = (entries: string[]): string =>
    valid.replace('"entries": []', `"entries": [${entries.join(',')}]`);
  const texts = [
    '['.repeat(2_000_000),
    '['.repeat(2_000_000) + ']'.repeat(2_000_000),
    `{"schema":1,"entries":${'['.repeat(500_000)}${']'.repeat(500_000)}}`,
    `{"schema":1,"command":${'{"a":'.repeat(500_000)}1${'}'.repeat(500_000)}}`,
    `{"schema":${'['.repeat(500_000)}${']'.repeat(500_000)}}`,
    `{"schema":1,"entries":[${'1,'.repeat(2_000_000)}1]}`,
    `{"schema":1,"command":"${'x'.repeat(5_000_000)}","${'y'.repeat(5_000_000)}":1}`,
    large([`{"candidates":[${`{"points":[${'{},'.repeat(499)}{}]},`.repeat(499)}{}]}`]),
    large(new Array(9_000).fill(`{"ranges":[${'{},'.repeat(499)}{}]}`)),
    large([
      `{"candidates":[{"tunables":{${Array.from({ length: 500_000 }, (_, index) => `"t${index}":[]`).join(',')}}}]}`,
    ]),
    `{${Array.from({ length: 100_000 }, (_, index) => `"field${index}":1`).join(',')}}`,
  ];
  for (const text of texts) expect(accepts(() => parsePlan(text, 'large'))).toBe(false);
});
