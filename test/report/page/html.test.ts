/** @file The page as text: nothing in it can be more than text, and nothing in it is loaded from elsewhere. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { readMeasurements } from '../../../dist/interop/read/index.js';
import { loadPlan } from '../../../dist/plan/file.js';
import { assemblePage } from '../../../dist/report/page/assemble.js';
import { escapeHtml, jsonForScript } from '../../../dist/report/page/escape.js';
import { renderPage } from '../../../dist/report/page/html.js';
import { CROSSING, HOSTILE, measurement, set } from './samples.ts';

const RESULTS = fileURLToPath(new URL('../../../results/', import.meta.url));

function hostilePage(): string {
  const own = [measurement(HOSTILE, 1024, 2), measurement('nccl', 1024, 3), measurement('nccl', 2048, 3)];
  const measurements = set(own, {
    host: { [HOSTILE]: HOSTILE },
    complaints: [{ source: { file: HOSTILE, line: 1 }, message: HOSTILE }],
    files: [{ file: HOSTILE, formats: [HOSTILE] }],
    matrices: [{ name: HOSTILE, p2p: false, rows: [[1, 2]], source: { file: HOSTILE, line: 1 } }],
  });
  return renderPage(
    assemblePage({
      title: HOSTILE,
      sources: [
        { name: HOSTILE, measurements },
        { name: `${HOSTILE} again`, measurements },
      ],
      losses: [{ from: 1, to: 2, picks: HOSTILE, better: HOSTILE, us: 1, percent: 1 }],
    }),
  );
}

/** Elements that hold text only, cut out. */
function markup(page: string): string {
  return page.replaceAll(/<(script|style)[^>]*>[\s\S]*?<\/\1>/g, '');
}

test('names that are HTML stay text', () => {
  const page = hostilePage();
  expect(markup(page)).not.toMatch(/<img/i);
  expect(page.match(/<script/g)).toHaveLength(2);
  expect(page.match(/<\/script/gi)).toHaveLength(2);
  const data = /<script type="application\/json" id="report-data">([\s\S]*?)<\/script>/.exec(page)![1]!;
  expect(JSON.parse(data).title).toBe(HOSTILE);
});

test('escapes', () => {
  expect(escapeHtml(`<a href="x">'&'`)).toBe('&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;');
  const text = jsonForScript({ a: HOSTILE });
  expect(text).not.toMatch(/[<>&\u2028]/);
  expect(JSON.parse(text)).toEqual({ a: HOSTILE });
});

test('the policy allows the one script that is there and nothing else', () => {
  const page = renderPage(
    assemblePage({ title: 'Page', sources: [{ name: 'a', measurements: set(CROSSING) }] }),
  );
  const policy = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(page)![1]!;
  const script = /<script>([\s\S]*?)<\/script>/.exec(page)![1]!;
  const hash = createHash('sha256').update(script).digest('base64');
  expect(policy).toBe(
    `default-src 'none'; script-src 'sha256-${hash}'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'`,
  );
  expect(script).toContain('Apache License');
  expect(script).toContain('Baidu');
  expect(markup(page)).not.toMatch(/\b(?:src|srcset|action|data|poster)=|url\(|@import|href="(?!#)/);
});

test('a real plan and a real result file stay below 1.5 MB', async () => {
  const plan = loadPlan(`${RESULTS}xeon-16-cores/plan-8-ranks.json`, { force: true });
  const measurements = await readMeasurements([`${RESULTS}4xh200/bench-4-gpus.json`]);
  expect(measurements.measurements.length).toBeGreaterThan(20);
  const page = renderPage(
    assemblePage({
      title: 'Real',
      sources: [
        { name: 'xeon', plan },
        { name: 'h200', measurements },
      ],
    }),
  );
  expect(Buffer.byteLength(page)).toBeLessThan(1_500_000);
  expect(markup(page)).not.toMatch(/https?:/);
});

test('headings are in order, and every chart has a label and a text that describes it', () => {
  const model = assemblePage({
    title: 'Page',
    sources: [{ name: 'a', measurements: set(CROSSING) }],
  });
  const page = renderPage(model);
  const levels = [...markup(page).matchAll(/<h(\d)/g)].map((match) => Number(match[1]));
  expect(levels[0]).toBe(1);
  for (const [i, level] of levels.slice(1).entries()) expect(level - levels[i]!).toBeLessThanOrEqual(1);
  const charts = [...page.matchAll(/<div class="chart(?: small)?"[^>]*>/g)].map((match) => match[0]);
  expect(charts).toHaveLength(2);
  for (const chart of charts) {
    expect(chart).toMatch(/aria-label="[^"]+"/);
    const id = /aria-describedby="([^"]+)"/.exec(chart)![1];
    expect(page).toContain(`id="${id}"`);
  }
  expect(page).toContain('Crossover: at 128 KiB from fast to wide (8 us).');
});

test('the same input gives the same page', () => {
  const input = { title: 'Page', sources: [{ name: 'a', measurements: set(CROSSING) }] };
  expect(renderPage(assemblePage(input))).toBe(renderPage(assemblePage(input)));
  const script = readFileSync(
    fileURLToPath(new URL('../../../dist/report/page/client.min.js', import.meta.url)),
    'utf8',
  );
  expect(script.length).toBeLessThan(800_000);
});
