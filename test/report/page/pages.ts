/** @file Pages for the tests in a browser. */
import { assemblePage } from '../../../dist/report/page/assemble.js';
import { renderPage } from '../../../dist/report/page/html.js';
import { CROSSING, measurement, PLAN, set } from './samples.ts';

export const matrices = [
  {
    name: 'unidirectional GB/s',
    p2p: true,
    rows: [
      [900, 20],
      [21, 880],
    ],
    source: { file: 'p2p.txt', line: 3 },
  },
];
const norm = (algorithm: string, bytes: number, us: number) =>
  measurement(algorithm, bytes, us, { operation: 'all_reduce_rms_norm', hidden: 512 });
export const FUSED = [
  norm('a', 1024, 6),
  norm('unfused_b', 1024, 8),
  norm('a', 2048, 9),
  norm('unfused_b', 2048, 8),
];
const SLOWER = CROSSING.map((one) => ({ ...one, us: one.us * 1.5 }));

/** Everything that a page can have: two sets, a plan, fused, a matrix, losses. */
export const FULL = renderPage(
  assemblePage({
    title: 'Everything',
    sources: [
      { name: 'before', measurements: set([...CROSSING, ...FUSED], { matrices }), plan: PLAN },
      { name: 'after', measurements: set(SLOWER) },
    ],
    losses: [
      {
        from: 1024,
        to: 65536,
        picks: 'wide',
        better: 'fast',
        us: 6,
        percent: 300,
        section: 'all_reduce bf16 x4 replay',
      },
    ],
  }),
);

/** One set, two curves. */
export const SIMPLE = renderPage(
  assemblePage({ title: 'Simple', sources: [{ name: 'host', measurements: set(CROSSING) }] }),
);
