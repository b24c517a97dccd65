import { beforeAll, expect, it } from 'vitest';
import { launch } from '../../dist/group/launch.js';
import { describeEngines } from '../collective/support/engines.ts';
import { program } from '../support/program.ts';
import { FAMILIES } from './cases/families.ts';
import type { KernelsReport } from './programs/kernels.ts';

const ONE_GPU = 1;

describeEngines(
  'kernels of models',
  (engine) => {
    let report: KernelsReport;
    beforeAll(async () => {
      [report] = (await launch<KernelsReport>(program('programs/kernels.ts', import.meta.url), {
        ranks: 1,
        data: { engine, options: {} },
      })) as [KernelsReport];
    });

    it.each(Object.keys(FAMILIES))('%s, called and recorded, is what float64 gives', (family) => {
      const { cases, refused, problems } = report.families[family]!;
      expect(problems).toEqual([]);
      expect(cases - refused).toBeGreaterThan(4);
    });
  },
  undefined,
  ONE_GPU,
);
