/** @file Imports point one way: no circles, nothing above imported from below, one place that knows the engines. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const SRC = fileURLToPath(new URL('../../src/', import.meta.url));

/** Files by path below src/, and what each imports there, for its types alone or not. */
const imports: ReadonlyMap<string, string[]> = new Map(
  files().map((file) => {
    const text = readFileSync(join(SRC, file), 'utf8');
    const found = [...text.matchAll(/(?:from|import\()\s*'(\.[^']+)'/g)].map((match) => match[1]!);
    return [file, found.map((path) => relative(SRC, join(SRC, dirname(file), path)).replaceAll(sep, '/'))];
  }),
);

/** Folders, the lowest first. What stands lower never imports from what stands higher. */
const LAYERS = [
  ['errors.ts', 'operations.ts', 'version.ts'],
  ['units.ts', 'files'],
  ['tensor', 'ffi'],
  ['group'],
  ['plan'],
  ['engine', 'memory'],
  ['collective'],
  ['graph'],
  ['measure'],
  ['interop', 'report', 'simulate', 'tune', 'bench', 'workload'],
  ['doctor'],
  ['cli', 'index.ts'],
];

function files(): string[] {
  const all = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).map((file) =>
    file.replaceAll(sep, '/'),
  );
  return all.filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts'));
}

function layer(file: string): number {
  return LAYERS.findIndex((names) => names.includes(file.split('/')[0]!));
}

test('every file has a layer, and every import a file', () => {
  expect([...imports.keys()].filter((file) => layer(file) < 0)).toEqual([]);
  for (const [file, targets] of imports) {
    for (const target of targets) expect(imports.has(target), `${file} imports ${target}`).toBe(true);
  }
});

test('nothing is imported from above', () => {
  const upward = [...imports].flatMap(([file, targets]) =>
    targets.filter((target) => layer(target) > layer(file)).map((target) => `${file} -> ${target}`),
  );
  expect(upward).toEqual([]);
});

test('no circles', () => {
  const done = new Set<string>();
  const walk = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) throw new Error([...path.slice(path.indexOf(file)), file].join(' -> '));
    if (done.has(file)) return;
    for (const target of imports.get(file)!) walk(target, [...path, file]);
    done.add(file);
  };
  for (const file of imports.keys()) walk(file, []);
  expect(done.size).toBe(imports.size);
});

/** Files outside an engine's folder that import from it. */
function knowing(engine: string): string[] {
  const folder = `engine/${engine}/`;
  return [...imports]
    .filter(([file, targets]) => !file.startsWith(folder) && targets.some((path) => path.startsWith(folder)))
    .map(([file]) => file);
}

test('only collective/engines.ts knows which engines there are; the doctor looks at GPUs', () => {
  expect(knowing('cpu')).toEqual(['collective/engines.ts']);
  const ofGpus = /^(?:doctor\/|cli\/commands\/doctor\.ts$)/;
  expect(knowing('cuda').filter((file) => !ofGpus.test(file))).toEqual(['collective/engines.ts']);
});

test('only ffi/library.ts loads native code', () => {
  const loading = files().filter((file) =>
    /(?:from|import\(|require\()\s*'koffi'/.test(readFileSync(join(SRC, file), 'utf8')),
  );
  expect(loading).toEqual(['ffi/library.ts']);
});
