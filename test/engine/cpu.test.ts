import { describe, expect, it } from 'vitest';
import { algorithmsOf } from '../../dist/collective/catalog.js';
import { COMPUTE } from '../../dist/engine/compute.js';
import { createCpuEngine } from '../../dist/engine/cpu/engine.js';
import { kernelsHash } from '../../dist/engine/cpu/kernels.js';
import { layoutFor, MAX_WORLD_SIZE, STAGE_BYTES } from '../../dist/engine/cpu/layout.js';
import { hasKernel } from '../../dist/engine/cuda/catalog.js';
import { emptyLaunch } from '../../dist/engine/engine.js';
import type { Group } from '../../dist/group/group.js';
import { OPERATIONS } from '../../dist/operations.js';
import { dtypeCode } from '../../dist/tensor/dtype.js';

/** A rank on its own. */
function alone(size = 1): Group {
  return {
    rank: 0,
    size,
    spins: 0,
    kind: 'threads',
    localRank: 0,
    localSize: size,
    barrier: () => {},
    broadcast: (value) => value,
    gather: (value) => [value],
    enter: () => {},
    leave: () => {},
  };
}

describe('the CPU engine', () => {
  it('has the kernels of every algorithm that is not for GPUs alone, and names one that it lacks', () => {
    const engine = createCpuEngine(alone(), { arenaBytes: 4096 });
    const kernels = OPERATIONS.flatMap(algorithmsOf).flatMap((algorithm) => algorithm.kernels);
    const elsewhere = (kernel: string): boolean => hasKernel(kernel) || kernel.startsWith('nccl_');
    expect(kernels.filter((kernel) => engine.missing(kernel) !== undefined && !elsewhere(kernel))).toEqual(
      [],
    );
    expect(engine.missing('all_reduce_multimem')).toBe('the CPU engine has no kernel all_reduce_multimem');
  });

  it('reads and writes its arena', () => {
    const engine = createCpuEngine(alone(), { arenaBytes: 4096 });
    const { base, bytes } = engine.arena;
    engine.write(base + 10, Uint8Array.of(1, 2, 3));
    expect([...engine.read(base + 9, 5)]).toEqual([0, 1, 2, 3, 0]);
    expect(bytes).toBe(4096);
  });

  it('copies a launch when it records it', () => {
    const engine = createCpuEngine(alone(), { arenaBytes: 4096 });
    const { base } = engine.arena;
    engine.write(base, new Uint8Array(Float32Array.of(5).buffer));
    const launch = {
      ...emptyLaunch(),
      kernel: 'add',
      count: 1,
      input: base,
      residual: base,
      output: base + 256,
    };
    engine.beginCapture();
    engine.enqueue(launch);
    launch.count = 0;
    launch.output = 0;
    const recording = engine.endCapture();
    recording.replay();
    expect(new Float32Array(engine.read(base + 256, 4).buffer)[0]).toBe(10);
    expect(recording.launches).toBe(1);
  });

  it('has every kernel of models, and refuses rows that are longer than it has room for', () => {
    const engine = createCpuEngine(alone(), { arenaBytes: 4096 });
    expect(Object.keys(COMPUTE).filter((kernel) => engine.missing(kernel) !== undefined)).toEqual([]);
    const operands = { weights: 0, experts: 0, logits: 0, tokens: 0, choices: 1, normalize: 0, scale: 1 };
    engine.compute('route', { ...operands, count: 16384 });
    expect(() => engine.compute('route', { ...operands, count: 16385 })).toThrow(
      'route: count is 16385; the CPU engine takes up to 16384',
    );
  });

  it('records launches and kernels of models in one list, in order', () => {
    const engine = createCpuEngine(alone(), { arenaBytes: 4096 });
    const { base } = engine.arena;
    const [x, y, steps] = [base, base + 256, base + 512];
    const sum = { ...emptyLaunch(), kernel: 'add', dtype: dtypeCode('bf16'), count: 8, residual: x };
    const ids = { positions: x, history: x, steps, sampled: x, ids: x, tokens: 0, limit: 0 };
    const gate = { x, out: y, tokens: 1, inner: 4 };
    engine.write(x, new Uint8Array(Uint16Array.from({ length: 8 }, () => 0x3f80).buffer));
    engine.beginCapture();
    engine.enqueue({ ...sum, input: x, output: x });
    engine.compute('silu_gate', gate);
    engine.enqueue({ ...sum, input: y, output: y });
    engine.compute('advance', ids);
    const recording = engine.endCapture();
    recording.replay(2);
    // x is doubled to 4; silu(4) * 4 = 15.712 is 15.6875 in bf16, and 4 are added to that: 19.6875, in bf16 19.75.
    expect(recording.launches).toBe(4);
    expect([...new Uint16Array(engine.read(y, 8).buffer)]).toEqual([0x419e, 0x419e, 0x419e, 0x419e]);
    expect(new Int32Array(engine.read(steps, 4).buffer)[0]).toBe(2);
  });

  it('has room for recordings of all steps of a deep model that is served in several ways', () => {
    const engine = createCpuEngine(alone(), { arenaBytes: 4096 });
    const { base } = engine.arena;
    const ids = {
      positions: base,
      history: base,
      steps: base,
      sampled: base,
      ids: base,
      tokens: 0,
      limit: 0,
    };
    const [launches, sizes, ways] = [320, 33, 5];
    for (let made = 0; made < sizes * ways; made++) {
      engine.beginCapture();
      for (let i = 0; i < launches; i++) engine.compute('advance', ids);
      engine.endCapture().replay();
    }
    expect(new Int32Array(engine.read(base, 4).buffer)[0]).toBe(launches * sizes * ways);
  });

  it('describes itself for plans: the kernels by a hash', () => {
    expect(kernelsHash()).toMatch(/^[0-9a-f]{16}$/);
    expect(createCpuEngine(alone(), { arenaBytes: 256 }).fingerprint().kernels).toBe(kernelsHash());
  });

  it('refuses more ranks than it serves, and arenas that do not fit 4 GiB', () => {
    expect(() => createCpuEngine(alone(17))).toThrow('the CPU engine serves 1 to 16 ranks, not 17');
    for (const arenaBytes of [0, 255, -1, 1000.5, Number.NaN, 2 ** 40]) {
      expect(() => createCpuEngine(alone(), { arenaBytes })).toThrow(
        `arenaBytes is ${arenaBytes}; with 1 ranks the`,
      );
    }
  });
});

describe('the layout of the CPU engine', () => {
  it('keeps ranks apart, and all of them within 4 GiB, at the largest arena too', () => {
    const most = (ranks: number): number => {
      const [, bytes] = /allow 256 to (\d+) bytes/.exec(messageOf(() => layoutFor(0, ranks, 2 ** 40)))!;
      return Number(bytes);
    };
    for (const ranks of [1, 2, 3, MAX_WORLD_SIZE]) {
      for (const arenaBytes of [256, 1000, most(ranks)]) {
        const layouts = Array.from({ length: ranks }, (_, rank) => layoutFor(rank, ranks, arenaBytes));
        const regions = layouts.flatMap((layout, rank) => [
          [layout.lines + rank * 128, 128],
          [layout.commands, 1024 * 1024],
          [layout.rows, layout.rowsBytes],
          [layout.partials + rank * layout.privateStride, layout.partialBytes],
          [layout.stages + rank * layout.privateStride, 2 * STAGE_BYTES],
          [layout.arena, layout.arenaBytes],
        ]);
        regions.sort((a, b) => a[0]! - b[0]!);
        let end = 1;
        for (const [from, bytes] of regions) {
          expect(from).toBeGreaterThanOrEqual(end);
          end = from! + bytes!;
        }
        expect(end).toBeLessThanOrEqual(layouts[0]!.memoryBytes);
        expect(layouts[0]!.memoryBytes).toBeLessThanOrEqual(2 ** 32);
        for (const [rank, layout] of layouts.entries()) {
          expect(layout.arena).toBe(layouts[0]!.arena + rank * layout.arenaStride);
          expect(layout.arenaBytes).toBeGreaterThanOrEqual(arenaBytes);
          expect(layout.arenaBytes % 256).toBe(0);
        }
      }
    }
  });
});

function messageOf(body: () => unknown): string {
  try {
    body();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('did not throw');
}
