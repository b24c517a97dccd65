/** @file The kernels' source text: what it may include, and what its hashes depend on. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  headersOf,
  KERNELS_FOLDER,
  kernelSources,
  kernelsHash,
  sourceHash,
  sourceText,
} from '../../dist/engine/cuda/sources.js';

const names = [...kernelSources().keys()];

describe('kernels/cuda', () => {
  test('is found from dist/, all of it', () => {
    expect(names).toEqual(readdirSync(KERNELS_FOLDER).sort());
    expect(existsSync(join(KERNELS_FOLDER, 'launch.cuh'))).toBe(true);
  });

  test.each(names)('%s includes only headers that lie beside it, and needs none of CUDA or C++', (name) => {
    const code = sourceText(name).replace(/\/\/.*$/gm, '');
    const included = [...code.matchAll(/^\s*#\s*include\s*(.*?)\s*$/gm)].map(([, what]) => what!);
    for (const what of included) expect(what).toMatch(/^"[\w-]+\.cuh"$/);
    for (const what of included) expect(names).toContain(what.slice(1, -1));
    // nvcc has these without being asked, NVRTC has not.
    expect(code).not.toMatch(
      /\b(?:u?int(?:8|16|32|64)_t|size_t|std::|__half|__nv_bfloat16|cooperative_groups|printf|assert)\b/,
    );
    if (name.endsWith('.cuh')) expect(code).toMatch(/^\s*#pragma once$/m);
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
