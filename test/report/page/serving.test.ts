/** @file Serving on the page: what is said of it, its tables and its charts, and that names stay text. */
import { expect, test } from 'vitest';
import { assemblePage } from '../../../dist/report/page/assemble.js';
import { renderPage } from '../../../dist/report/page/html.js';
import { servingAt } from '../../../dist/report/page/serving.js';
import { servingOption } from '../../../dist/report/page/serving-chart.js';
import { renderSvgFiles } from '../../../dist/report/page/svg.js';
import { CROSSING, HOSTILE, set } from './samples.ts';
import { ONE_TOKEN, SERVED } from './serving-samples.ts';

const MODEL = assemblePage({ title: 'Page', sources: [{ name: 'a', serving: [SERVED] }] });

/** Without the script, which is long. */
function markup(page: string): string {
  return page.replaceAll(/<(script|style)[^>]*>[\s\S]*?<\/\1>/g, '');
}

test('a section a result, in words and numbers', () => {
  const [one, ...others] = MODEL.serving;
  expect(others).toEqual([]);
  expect(one!.title).toBe('Serving llama-3.1-8b, 4 ranks, cuda engine on 4x NVIDIA H200');
  expect(one!.variants.map(({ name, style }) => [name, style])).toEqual([
    ['unfused', 0],
    ['fused', 1],
  ]);
  expect(one!.summary).toEqual([
    'At 1 request a second: median TTFT from 12 ms (fused) to 16 ms (unfused); median TPOT from 6 ms (fused) to 8 ms (unfused); served 0.984 a second.',
    'At 5 requests a second: median TTFT from 32 ms (fused) to 64 ms (unfused); median TPOT from 8 ms (fused) to 16 ms (unfused); served 4.92 a second.',
  ]);
  expect(servingAt(one!, 5, 'ttft', new Set(['unfused']))).toBe(
    '5 requests a second: fused median 32 ms, p99 128 ms',
  );
  const page = markup(renderPage(MODEL));
  expect(page).toContain('<p class="lead">serving: <strong>a</strong></p>');
  expect(page).toContain('<summary>Table: 4 rows</summary>');
  expect(page).toContain('median TPOT, ms');
  expect(page).toContain(
    '<dt>served</dt><dd>crossover serve-bench --qps 1,5 (2026-11-21T12:00:00.000Z)</dd>',
  );
  for (const quantity of ['ttft', 'tpot']) expect(page).toContain(`data-chart="${quantity}"`);
});

test('beside measurements, and of several sets with their names; a variant keeps its colour', () => {
  const turned = { ...SERVED, rows: [...SERVED.rows].reverse() };
  const model = assemblePage({
    title: 'Page',
    sources: [
      { name: 'before', measurements: set(CROSSING), serving: [SERVED] },
      { name: 'after', serving: [turned] },
    ],
  });
  expect(model.sections).toHaveLength(1);
  expect(model.serving.map(({ title }) => title)).toEqual(
    ['before', 'after'].map((name) => `Serving llama-3.1-8b, 4 ranks, cuda engine on ${name}`),
  );
  const twice = assemblePage({ title: 'Page', sources: [{ name: 'a', serving: [SERVED, ONE_TOKEN] }] });
  expect(twice.serving.map(({ title }) => title.slice(-8))).toEqual(['DIA H200', 'H200 (2)']);
  const styles = model.serving.map(({ variants }) =>
    variants.map(({ name, style }) => `${name} ${style}`).sort(),
  );
  expect(styles[0]).toEqual(styles[1]);
  expect(markup(renderPage(model))).toContain('1 operation, serving;');
});

test('charts have medians and 99th percentiles, a line each; hidden variants have none', () => {
  const look = { theme: 'light', width: 800, height: 400, sets: 1, alone: false } as const;
  const lines = (hidden?: Set<string>) => {
    const { series } = servingOption(MODEL.serving[0]!, 'tpot', look, hidden);
    return (series as { name: string; data: number[][]; lineStyle: { type: string } }[]).map(
      ({ name, data, lineStyle }) => [
        name,
        lineStyle.type,
        data.map(([rate, log]) => `${rate}: ${2 ** log!}`),
      ],
    );
  };
  expect(lines()).toEqual([
    ['unfused median', 'solid', ['1: 8', '5: 16']],
    ['unfused p99', 'dashed', ['1: 16', '5: 32']],
    ['fused median', 'solid', ['1: 6', '5: 8']],
    ['fused p99', 'dashed', ['1: 12', '5: 16']],
  ]);
  expect(lines(new Set(['unfused'])).map(([name]) => name)).toEqual(['fused median', 'fused p99']);
});

test('as SVG files, light and dark', () => {
  const files = renderSvgFiles(MODEL);
  const name = 'serving-serving-llama-3-1-8b-4-ranks-cuda-engine-on-4x-nvidia-h200';
  expect(files.map((file) => file.name)).toEqual(
    ['', '-dark'].flatMap((end) => [`${name}-ttft${end}.svg`, `${name}-tpot${end}.svg`]),
  );
  for (const words of ['TTFT, ms', 'request rate, requests a second', 'fused p99\u2003', '5']) {
    expect(files[0]!.text).toContain(`>${words}<`);
  }
  expect(files[0]!.text).toContain(
    '<title>Serving llama-3.1-8b, 4 ranks, cuda engine on 4x NVIDIA H200: Time to',
  );
});

test('where nothing was measured, nothing is drawn and nothing is claimed', () => {
  const model = assemblePage({ title: 'Page', sources: [{ name: 'a', serving: [ONE_TOKEN] }] });
  expect(model.serving[0]!.summary).toEqual([
    'At 2 requests a second: median TTFT 10 ms (fused); served 1.97 a second.',
  ]);
  expect(servingAt(model.serving[0]!, 2, 'tpot', new Set())).toBe(
    '2 requests a second: fused median none, p99 none',
  );
  expect(renderSvgFiles(model)).toHaveLength(4);
  expect(markup(renderPage(model))).not.toMatch(/NaN|null|undefined/);
});

test('names that are HTML stay text', () => {
  const rows = SERVED.rows.map((row) => ({ ...row, variant: HOSTILE }));
  const hostile = { ...SERVED, model: HOSTILE, prompt: HOSTILE, command: HOSTILE, date: HOSTILE, rows };
  const model = assemblePage({ title: 'Page', sources: [{ name: HOSTILE, serving: [hostile] }] });
  const page = renderPage(model);
  expect(markup(page)).not.toMatch(/<img/i);
  expect(page.match(/<script/g)).toHaveLength(2);
  for (const { text, name } of renderSvgFiles(model)) {
    expect(text).not.toContain('<img');
    expect(name).toMatch(/^[a-z0-9.-]+$/);
  }
});
