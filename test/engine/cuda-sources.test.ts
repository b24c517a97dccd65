/** @file The kernels' source text: what it may include, and what its hashes depend on. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  headersOf,
  KERNELS_FOLDER,
  kernelsHash,
  MODEL_FOLDER,
  sourceHash,
  sourcePath,
  sourcesIn,
  sourceText,
} from '../../dist/engine/cuda/sources.js';

const collectives = sourcesIn(KERNELS_FOLDER);
const names = [...collectives, ...sourcesIn(MODEL_FOLDER)];

/** Names of functions that are defined outside others without a word that puts them on the device. */
function hostFunctions(source: string): string[] {
  const code = source
    .replace(/"[^"\n]*"|\/\/.*$/gm, '')
    .replace(/\\\n/g, ' ')
    // What a macro stands for is read as code that follows its definition.
    .replace(/^\s*#\s*define\s+\w+(?:\([^)]*\))?/gm, ';')
    .replace(/^\s*#.*$/gm, '')
    .replace(/\b(?:alignas|[A-Z_]+)\([^()]*\)/g, '');
  const found: string[] = [];
  let head = '';
  // How deep in braces that belong to a function or an initializer; those of namespaces and classes hold definitions.
  let inside = 0;
  for (const piece of code.match(/[{};]|[^{};]+/g) ?? []) {
    if (inside > 0) inside += piece === '{' ? 1 : piece === '}' ? -1 : 0;
    else if (piece === '{') {
      const name = /([\w~]+)\s*\(/.exec(head)?.[1];
      const opened = /\b(?:namespace|struct|class|union)\b[^()]*$/.test(head);
      if (!opened) inside = 1;
      if (!opened && name && !/=\s*$|\b(?:DEVICE|DEVICE_MEMBER|__device__|__global__)\b/.test(head))
        found.push(name);
    }
    if (inside === 0) head = /[{};]/.test(piece) ? '' : piece;
  }
  return found;
}

describe('kernels/cuda', () => {
  test('is found from dist/, all of it', () => {
    const inFolder = (folder: string): string[] => readdirSync(folder).filter((name) => /\.cuh?$/.test(name));
    expect(names).toEqual([...inFolder(KERNELS_FOLDER).sort(), ...inFolder(MODEL_FOLDER).sort()]);
    expect(new Set(names).size).toBe(names.length);
    expect(readdirSync(KERNELS_FOLDER).filter((name) => !collectives.includes(name))).toEqual(['model']);
    expect(existsSync(join(KERNELS_FOLDER, 'launch.cuh'))).toBe(true);
  });

  test.each(names)(
    '%s includes only headers that lie beside or above it, and needs none of CUDA or C++',
    (name) => {
      const code = sourceText(name).replace(/\/\/.*$/gm, '');
      const included = [...code.matchAll(/^\s*#\s*include\s*(.*?)\s*$/gm)].map(([, what]) => what!);
      for (const what of included) expect(what).toMatch(/^"[\w-]+\.cuh"$/);
      for (const what of included) expect(names).toContain(what.slice(1, -1));
      // nvcc has these without being asked, NVRTC has not.
      expect(code).not.toMatch(
        /\b(?:u?int(?:8|16|32|64)_t|size_t|std::|__half|__nv_bfloat16|cooperative_groups|printf|assert)\b/,
      );
      if (name.endsWith('.cuh')) expect(code).toMatch(/^\s*#pragma once$/m);
    },
  );

  test.each(collectives)('%s depends on no kernel of models, so plans do not either', (name) => {
    for (const header of headersOf(name)) expect(collectives).toContain(header);
    expect(existsSync(sourcePath(name))).toBe(true);
  });

  // nvcc compiles functions for the host, too; NVRTC refuses them.
  test.each(names)('%s has functions for devices only', (name) => {
    expect(hostFunctions(sourceText(name))).toEqual([]);
  });

  test('functions for the host are found wherever they stand', () => {
    const code = `
      #define DEVICE static __device__ __forceinline__
      #define KERNEL(name) \\
        extern "C" __global__ void name(int n) { loop(n); }
      // int comment() { return 0; }
      namespace inner {
      template <typename T, int N = sizeof(T)>
      struct alignas(16) Pair {
        T values[N] = {T(1)};
        __device__ Pair(T x) : a(x) { if (x) { a = x; } }
        constexpr T first() const { return a; }
        T a;
      };
      constexpr int twice(int n) { return 2 * n; }
      DEVICE int fine(int n) { auto f = [&](int i) { return i + n; }; return f(n); }
      template <int N>
      DEVICE void also_fine(const Pair<int> (&v)[N])
      {
        for (int i = 0; i < N; i++) { }
      }
      constexpr int TABLE[] = {twice(1), twice(2)};
      static_assert(TABLE[1] == 4, "it is { 4 }");
      KERNEL(one)
      inline int last(int n) { return n; }
      }`;
    expect(hostFunctions(code)).toEqual(['first', 'twice', 'last']);
    expect(hostFunctions('#define MAKE(name) \\\n  int name() { return 0; }')).toEqual(['name']);
  });

  test('headers are followed through headers', () => {
    expect(headersOf('launch.cuh')).toEqual([]);
    expect(headersOf('ptx.cuh')).toEqual(['launch.cuh']);
    expect(headersOf('barrier.cu')).toEqual([
      'launch.cuh',
      'layout.cuh',
      'ptx.cuh',
      'signals.cuh',
      'wait.cuh',
    ]);
    expect(headersOf('peer_check.cu')).not.toContain('layout.cuh');
  });

  test('hashes tell files apart, and one that is not there is named', () => {
    const kernels = names.filter((name) => name.endsWith('.cu'));
    expect(new Set(kernels.map(sourceHash)).size).toBe(kernels.length);
    for (const name of kernels) expect(sourceHash(name)).toMatch(/^[0-9a-f]{64}$/);
    expect(kernelsHash()).toMatch(/^[0-9a-f]{16}$/);
    expect(() => sourceHash('nothing.cu')).toThrow(/nothing\.cu is missing$/);
  });
});
