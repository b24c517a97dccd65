/** @file The charts as SVG files: whole, named, and written by a process that ends. */
import { expect, test } from 'vitest';
import { assemblePage } from '../../../dist/report/page/assemble.js';
import {
  logAxis,
  roughSize,
  sizeAxis,
  sizeTick,
  sizeTicks,
  valueTick,
} from '../../../dist/report/page/axes.js';
import { curveStyle, textOn } from '../../../dist/report/page/palette.js';
import { renderSvgFiles } from '../../../dist/report/page/svg.js';
import { CROSSING, HOSTILE, measurement, PLAN, set } from './samples.ts';

/** Whether it is XML: every element that is opened is closed, attributes are in quotes once, and no text holds what would open one. */
function wellFormed(svg: string): boolean {
  const open: string[] = [];
  const plain = svg.replaceAll(/<style[\s\S]*?<\/style>/g, '');
  for (const [tag] of plain.matchAll(/<[^>]*>/g)) {
    const [, close, name, attributes, alone] = /^<(\/?)([a-zA-Z][\w:]*)([\s\S]*?)(\/?)>$/.exec(tag) ?? [];
    if (name === undefined || !/^(?:\s+[\w:-]+="[^"<]*")*\s*$/.test(attributes!)) return false;
    if (close) {
      if (open.pop() !== name) return false;
    } else if (!alone) {
      open.push(name);
    }
  }
  const text = plain.replaceAll(/<[^>]*>/g, '');
  return open.length === 0 && !/[<>]|&(?!amp;|lt;|gt;|quot;|#39;)/.test(text);
}

test('a file a chart, light and dark', () => {
  const measurements = set(CROSSING, {
    matrices: [
      {
        name: 'latency us',
        p2p: true,
        rows: [
          [1, 2],
          [3, 4],
        ],
        source: { file: 'p2p.txt', line: 1 },
      },
    ],
  });
  const files = renderSvgFiles(assemblePage({ title: 'Page', sources: [{ name: 'a', measurements }] }));
  expect(files.map(({ name }) => name)).toEqual(
    ['', '-dark'].flatMap((end) => [
      `all-reduce-bf16-x4-replay-time${end}.svg`,
      `all-reduce-bf16-x4-replay-bandwidth${end}.svg`,
      `p2p-latency-us-p2p-enabled${end}.svg`,
    ]),
  );
  for (const { text, name } of files) expect(wellFormed(text), name).toBe(true);
});

test('has title, axes, names of curves, and the crossover', () => {
  const [time, bandwidth] = renderSvgFiles(
    assemblePage({ title: 'Page', sources: [{ name: 'a', measurements: set(CROSSING) }] }),
  );
  for (const words of ['All-reduce, bf16, 4 ranks, replay: time', 'message size, bytes', 'time, us']) {
    expect(time!.text).toContain(`>${words}<`);
  }
  for (const words of ['fast\u2003', 'wide\u2003', '128K', '1K', '1M', 'fastest']) {
    expect(time!.text).toContain(`>${words}<`);
  }
  expect(bandwidth!.text).toContain('>bus bandwidth, GB/s<');
  // For screen readers, on any page that shows the file.
  expect(time!.text).toMatch(
    /^<svg role="img" [^>]*>\n<title>All-reduce, bf16, 4 ranks, replay: time<\/title>/,
  );
});

test('of hostile names, and of a plan with a section that has no curves', () => {
  const own = set([measurement(HOSTILE, 1024, 2), measurement('nccl', 1024, 3)]);
  const bare = { ...PLAN, entries: PLAN.entries.map((entry) => ({ ...entry, candidates: [] })) };
  const hostile = renderSvgFiles(
    assemblePage({ title: HOSTILE, sources: [{ name: HOSTILE, measurements: own }] }),
  );
  for (const { text, name } of hostile) {
    expect(text).not.toContain('<img');
    expect(wellFormed(text), name).toBe(true);
    expect(name).toMatch(/^[a-z0-9.-]+$/);
  }
  expect(renderSvgFiles(assemblePage({ title: 'Bare', sources: [{ name: 'a', plan: bare }] }))).toEqual([]);
});

test('axes hold all values from tick to tick', () => {
  expect(logAxis([2, 3, 30])).toEqual({ min: 1, max: 5, step: 1 });
  expect(logAxis([1, 1000])).toEqual({ min: 0, max: 10, step: 2 });
  const tens = logAxis([0.5, 90_000]);
  expect([valueTick(tens.min), valueTick(tens.max), valueTick(tens.min + tens.step)]).toEqual([
    '0.1',
    '100000',
    '1',
  ]);
  expect(logAxis([4])).toEqual({ min: 2, max: 3, step: 1 });
  expect(sizeAxis([1024, 2 ** 28], 800)).toEqual({ min: 10, max: 28, step: 1 });
  expect(sizeAxis([1024, 2 ** 28], 300)).toEqual({ min: 10, max: 28, step: 3 });
  expect(sizeTicks({ min: 10.3, max: 16.2, step: 2 })).toEqual([12, 14, 16]);
  expect([sizeTick(16), sizeTick(16.5), sizeTick(28)]).toEqual(['64K', '', '256M']);
  expect([roughSize(623487), roughSize(65536), roughSize(1047552)]).toEqual([
    '609 KiB',
    '64 KiB',
    '1023 KiB',
  ]);
});

test('curves differ without colours, and letters on colours are read', () => {
  const looks = Array.from({ length: 20 }, (_, i) => curveStyle(i, 0, 1, 'light'));
  expect(new Set(looks.map(({ color, path, dash }) => `${color} ${path} ${dash}`)).size).toBe(20);
  expect(new Set(looks.slice(0, 7).map(({ path }) => path)).size).toBe(7);
  expect(curveStyle(3, 1, 2, 'light').dash).toBe('dashed');
  expect([textOn('#ffffff'), textOn('#000000'), textOn('#0072B2')]).toEqual([
    '#000000',
    '#ffffff',
    '#ffffff',
  ]);
});
