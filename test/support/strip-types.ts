/**
 * @file Strips the types of what tests launch, once for a run of the tests. Node before 22.18 has no types stripped without a compiler of its own in every rank,
 * which costs several times as much as to start the rank. Tests of that compiler give launch() the .ts file itself.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transformSync } from '@swc/wasm-typescript';
import type { TestProject } from 'vitest/node';
import { STRIPPED, TESTS } from './program.ts';

export default function setup(project: TestProject): void {
  stripAll();
  project.onTestsRerun(stripAll);
}

function stripAll(): void {
  for (const file of readdirSync(TESTS, { recursive: true, encoding: 'utf8' })) {
    if (/(?<!\.test|\.d)\.m?ts$/.test(file)) strip(file);
  }
}

function strip(file: string): void {
  const source = readFileSync(new URL(file, TESTS), 'utf8');
  const path = fileURLToPath(new URL(file.replace(/ts$/, 'js'), STRIPPED));
  const { code } = transformSync(source, { mode: 'strip-only', filename: file });
  // What is outside of test/ is one folder further away.
  const up = '../'.repeat(file.split(/[/\\]/).length);
  const moved = code
    .replaceAll(new RegExp(`(?<=['"])(?=${up.replaceAll('.', '\\.')})`, 'g'), '../')
    .replace(/((?:from|import)\s*\(?\s*['"]\.[^'"]*\.m?)ts(?=['"])/g, '$1js');
  writeChanged(path, moved);
}

/** Whole or not at all, as another run of the tests may read it. */
function writeChanged(path: string, text: string): void {
  try {
    if (readFileSync(path, 'utf8') === text) return;
  } catch {
    mkdirSync(dirname(path), { recursive: true });
  }
  const unfinished = join(dirname(path), `.${process.pid}`);
  writeFileSync(unfinished, text);
  renameSync(unfinished, path);
}
