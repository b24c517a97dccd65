/**
 * @file The host side of the CUDA engine on hosts without GPUs, on a driver that computes nothing (programs/libcuda.c): what it asks of the driver, that all of it is given
 * back, and what is said when a call fails. What kernels compute is tested on GPUs.
 */
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { launch } from '../../dist/group/launch.js';
import { program } from '../support/program.ts';
import type { HostReport } from './programs/host.ts';
import type { HostFault } from './programs/host-faults.ts';
import { buildDriver } from './support/fake-driver.ts';

const built = buildDriver();
afterAll(() => built?.remove());
/** Functions that give something back. */
const GIVES = /Destroy|Free|Release|Unmap|Unload/;
/** After these, nobody knows what still runs: all is left to the end of the process. */
const BROKEN = /^(cuMemset|cuStreamQuery)/;
/** A few words of the host go with the process. */
const LEFT: Readonly<Record<string, readonly string[]>> = { cuEventCreate: ['host memory'] };

const suffix = built ? '' : ' (skipped: no C compiler, cc)';

beforeEach(() => {
  for (const [name, value] of Object.entries(built?.env ?? {})) vi.stubEnv(name, value);
});
afterEach(() => vi.unstubAllEnvs());

describe.skipIf(!built)(`the CUDA engine and its driver${suffix}`, () => {
  test.each([
    { ranks: 2, gpus: 2, each: 1, multiprocessors: 132 },
    { ranks: 2, gpus: 1, each: 2, multiprocessors: 56 },
    { ranks: 3, gpus: 2, each: 2, multiprocessors: 56 },
  ])(
    '$ranks ranks on $gpus GPUs, $each a GPU: nothing is left',
    async ({ ranks, gpus, each, multiprocessors }) => {
      vi.stubEnv('FAKE_GPUS', String(gpus));
      vi.stubEnv('CROSSOVER_RANKS_PER_GPU', String(each));
      const reports = await launch<HostReport>(program('programs/host.ts', import.meta.url), { ranks });
      expect(reports.flatMap(({ problems }) => problems)).toEqual([]);
      for (const report of reports) {
        expect(report.multiprocessors).toBe(multiprocessors);
        expect(report.device.ranksPerGpu).toBe(each === 1 ? undefined : String(each));
      }
      expect(reports.at(-1)!.live).toEqual({});
      // Kernels do not start while the one before ends where ranks share a GPU, and come in clusters all the same.
      const { launches, programmatic, clusters } = reports[0]!.counts;
      expect(programmatic > 0).toBe(each === 1);
      expect(clusters > 0 && clusters < launches).toBe(true);
    },
  );

  test('more ranks than GPUs are refused', async () => {
    vi.stubEnv('FAKE_GPUS', '1');
    const launched = launch(program('programs/host.ts', import.meta.url), { ranks: 2 });
    await expect(launched).rejects.toThrow('2 ranks need 2 GPUs, and the driver shows 1 to this process');
  });

  test('a GPU that cannot be divided into so many parts is refused', async () => {
    vi.stubEnv('FAKE_GPUS', '1');
    vi.stubEnv('FAKE_FEWEST', '72');
    vi.stubEnv('CROSSOVER_RANKS_PER_GPU', '2');
    const launched = launch(program('programs/host.ts', import.meta.url), { ranks: 2 });
    await expect(launched).rejects.toThrow(
      'GPU 0: a GPU of 132 multiprocessors cannot be divided between 2 ranks: a part has 72 at least',
    );
  });

  test('each call of the driver may fail: the error names it, and nothing is left', async () => {
    const [faults] = await launch<HostFault[]>(program('programs/host-faults.ts', import.meta.url), {
      ranks: 1,
    });
    const tried = faults!.filter(({ error }) => error !== 'not called');
    expect(tried.length).toBeGreaterThan(35);
    // What could not be given back is left, and nothing else with it.
    const [gives, others] = [
      tried.filter(({ name }) => GIVES.test(name)),
      tried.filter(({ name }) => !GIVES.test(name)),
    ];
    for (const fault of gives)
      expect(fault).toEqual({ name: fault.name, error: 'nothing', left: [expect.any(String)] });
    for (const fault of others) {
      expect(fault.error).toContain('CUDA_ERROR_ON_PURPOSE (999): made to fail');
      if (!BROKEN.test(fault.name)) expect(fault).toMatchObject({ left: LEFT[fault.name] ?? [] });
    }
  });
});
