/** @file The page as people use it, in Chromium: by mouse, by keyboard, light, dark, on a phone and on paper. */

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { loadPlan } from '../../../dist/plan/file.js';
import { assemblePage } from '../../../dist/report/page/assemble.js';
import { renderPage } from '../../../dist/report/page/html.js';
import { renderSvgFiles } from '../../../dist/report/page/svg.js';
import { Browsing, CHROMIUM, HAS_CHROMIUM, type Opened } from './browser.ts';
import { FULL, FUSED, matrices, SIMPLE } from './pages.ts';
import { HOSTILE, measurement, set } from './samples.ts';

if (!HAS_CHROMIUM) {
  console.warn(
    `no Chromium at ${CHROMIUM}: tests of the report's page in a browser are skipped (set CHROMIUM)`,
  );
}

const browsing = HAS_CHROMIUM ? new Browsing() : undefined;
afterAll(() => browsing?.close());

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

async function open(html: string, options?: Parameters<Browsing['open']>[1]): Promise<Opened> {
  const opened = await browsing!.open(html, options);
  onTestFinished(async () => {
    await opened.close();
    expect(opened.errors).toEqual([]);
    expect(opened.requests).toHaveLength(1);
  });
  // Charts are drawn when they come near.
  await opened.page.locator('#section-1-time').scrollIntoViewIfNeeded();
  await opened.page.locator('#section-1-time svg').first().waitFor();
  return opened;
}

/** All words in a chart, in no order: what is drawn on top may change. */
async function texts({ page }: Opened, chart: string): Promise<string[]> {
  return (await page.locator(`${chart} svg text`).allTextContents()).sort();
}

async function violations({ page }: Opened): Promise<string[]> {
  // By the debugger, which the page's security policy does not bind.
  await page.evaluate(AXE);
  return page.evaluate<string[]>(
    `axe.run(document).then(({ violations }) =>
      violations.map(({ id, nodes }) => id + ': ' + nodes.map(({ html }) => html.slice(0, 160)).join(' | ')))`,
  );
}

describe.skipIf(!HAS_CHROMIUM)('the page in Chromium', () => {
  test('a hover shows every value at the nearest size, the fastest first', async () => {
    const { page } = await open(SIMPLE);
    await page.locator('#section-1-time').hover({ position: { x: 330, y: 200 } });
    const tip = page.locator('#section-1-time table.tip');
    await tip.waitFor();
    await expect.poll(() => tip.innerText()).toMatch(/us ± 0\.1\s+fastest[\s\S]*us ± 0\.1\s+\+\d+/);
  });

  test('a button hides its curve in both charts, and shows it again', async () => {
    const opened = await open(SIMPLE);
    const { page } = opened;
    const button = page.locator('button.curve', { hasText: 'wide' });
    const lines = page.locator('#section-1-bandwidth svg path[stroke="#D55E00"][fill="none"]');
    await expect.poll(() => lines.count()).toBe(1);
    await button.click();
    expect(await button.getAttribute('aria-pressed')).toBe('false');
    await expect.poll(() => lines.count()).toBe(0);
    await page.locator('#section-1-time').hover({ position: { x: 330, y: 200 } });
    await expect.poll(() => page.locator('#section-1-time table.tip').innerText()).not.toContain('wide');
    await button.click();
    await expect.poll(() => lines.count()).toBe(1);
  });

  test('zooms by buttons and by dragging, and back', async () => {
    const opened = await open(SIMPLE);
    const { page } = opened;
    const all = await texts(opened, '#section-1-bandwidth');
    expect(all).toEqual(expect.arrayContaining(['1K', '1M']));
    await page.getByRole('button', { name: 'Zoom in' }).click();
    await expect.poll(() => texts(opened, '#section-1-bandwidth')).not.toContain('1M');
    await page.getByRole('button', { name: 'Reset zoom' }).click();
    await expect.poll(() => texts(opened, '#section-1-bandwidth')).toEqual(all);
    // A wheel begins the axis anywhere; its ticks stay at powers of 2, and the other chart follows.
    await page.locator('#section-1-time').hover({ position: { x: 330, y: 200 } });
    await page.keyboard.down('Control');
    await page.mouse.wheel(0, -300);
    await page.keyboard.up('Control');
    await expect.poll(() => texts(opened, '#section-1-bandwidth')).not.toContain('1K');
    expect(await texts(opened, '#section-1-bandwidth')).toContain('64K');
    await page.getByRole('button', { name: 'Reset zoom' }).click();
    await expect.poll(() => texts(opened, '#section-1-bandwidth')).toEqual(all);
    const box = (await page.locator('#section-1-time').boundingBox())!;
    await page.mouse.move(box.x + box.width * 0.7, box.y + 150);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.8, box.y + 150, { steps: 4 });
    await page.mouse.move(box.x + box.width * 0.95, box.y + 150, { steps: 4 });
    await page.mouse.up();
    await expect.poll(() => texts(opened, '#section-1-bandwidth')).not.toContain('1K');
    await page.locator('#section-1-time').dblclick({ position: { x: 330, y: 200 } });
    await expect.poll(() => texts(opened, '#section-1-bandwidth')).toEqual(all);
  });

  test('is walked through by keyboard, and reads out what is there', async () => {
    const { page } = await open(SIMPLE);
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Skip to the measurements');
    await page.locator('#section-1-time').focus();
    await page.keyboard.press('ArrowRight');
    const live = page.locator('#live');
    expect(await live.textContent()).toBe(
      '1 KiB: fast 2 us ± 0.1, 0.768 GB/s, fastest; wide 8 us ± 0.1, 0.192 GB/s, +300 %',
    );
    await page.locator('#section-1-time table.tip').waitFor();
    await page.keyboard.press('End');
    expect(await live.textContent()).toMatch(/^1 MiB: wide 32 us/);
    await page.keyboard.press('ArrowLeft');
    expect(await live.textContent()).toMatch(/^256 KiB: wide 8 us/);
    await page.keyboard.press('+');
    expect(await live.textContent()).toMatch(/^Sizes from /);
    await page.keyboard.press('0');
    expect(await live.textContent()).toBe('Sizes from 1 KiB to 1 MiB');
    await page.keyboard.press('Escape');
    await page.locator('#section-1-time table.tip').waitFor({ state: 'hidden' });
    // From the chart, Tab goes on: nothing is a trap.
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.id')).toBe('section-1-bandwidth');
  });

  test('its other charts are walked through, too', async () => {
    const { page } = await open(FULL);
    await page.locator('#section-2-fusion').focus();
    await page.keyboard.press('ArrowRight');
    expect(await page.locator('#live').textContent()).toBe('1 KiB, 1 row: a saves 25.0 % of unfused_b');
    await page.locator('[data-chart=matrix]').focus();
    await page.keyboard.press('Home');
    await page.keyboard.press('ArrowRight');
    expect(await page.locator('#live').textContent()).toBe('From 0 to 1: 20 GB/s');
  });

  test('tables are sorted, and copied as CSV as they are', async () => {
    const { page } = await open(SIMPLE, { permissions: ['clipboard-read', 'clipboard-write'] });
    await page.getByText('Table: 10 rows').click();
    const head = page.locator('#section-1-table th', { hasText: 'time, us' });
    const first = page.locator('#section-1-table tbody tr').first();
    await head.getByRole('button').click();
    await head.getByRole('button').click();
    expect(await head.getAttribute('aria-sort')).toBe('descending');
    expect((await first.innerText()).split('\t').slice(0, 3)).toEqual(['1M', 'fast', '64']);
    await page.getByRole('button', { name: 'Copy as CSV' }).click();
    await page.getByRole('button', { name: 'Copied' }).waitFor();
    const csv = await page.evaluate<string>('navigator.clipboard.readText()');
    expect(csv.split('\r\n').slice(0, 2)).toEqual([
      '"size, bytes",algorithm,"time, us","spread, us","behind the fastest, %","bus bandwidth, GB/s"',
      '1048576,fast,64,0.1,100,24.58',
    ]);
    expect(csv.trim().split('\r\n')).toHaveLength(11);
  });

  test('where copying is refused, the text is there to be copied by hand', async () => {
    const { page } = await open(SIMPLE);
    await page.evaluate(
      "Object.defineProperty(navigator, 'clipboard', { value: { writeText: () => Promise.reject(new Error()) } })",
    );
    await page.getByText('Table: 10 rows').click();
    await page.getByRole('button', { name: 'Copy as CSV' }).click();
    expect(await page.locator('textarea.csv').inputValue()).toContain('1048576,fast,64');
  });

  test.each(['light', 'dark'] as const)('axe finds nothing, %s', async (colorScheme) => {
    const opened = await open(FULL, { colorScheme });
    for (const summary of await opened.page.locator('details > summary').all()) await summary.click();
    expect(await violations(opened)).toEqual([]);
  });

  test('follows the system to dark, and the button wherever', async () => {
    const { page } = await open(SIMPLE, { colorScheme: 'dark' });
    const back = () => page.evaluate('getComputedStyle(document.body).backgroundColor');
    expect(await back()).toBe('rgb(17, 21, 26)');
    expect(await page.locator('#theme').getAttribute('aria-pressed')).toBe('true');
    expect(await page.locator('#section-1-time svg path[stroke="#3D9BD6"]').count()).toBeGreaterThan(0);
    await page.locator('#theme').click();
    expect(await back()).toBe('rgb(255, 255, 255)');
    expect(await page.locator('#section-1-time svg path[stroke="#0072B2"]').count()).toBeGreaterThan(0);
  });

  test('on a phone, nothing is wider than the screen', async () => {
    const plan = loadPlan(
      fileURLToPath(new URL('../../../results/xeon-16-cores/plan-2-ranks.json', import.meta.url)),
      {
        force: true,
      },
    );
    const real = renderPage(assemblePage({ title: 'Real', sources: [{ name: 'xeon', plan }] }));
    for (const html of [FULL, real]) {
      const { page } = await open(html, { viewport: { width: 360, height: 740 }, hasTouch: true });
      for (const summary of await page.locator('details > summary').all()) await summary.click();
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(360);
      await page.locator('#section-1-time').tap({ position: { x: 200, y: 150 } });
      await page.locator('#section-1-time table.tip').waitFor();
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(360);
    }
  });

  test('on paper, all charts are drawn, in light colours and without buttons', async () => {
    const { page } = await open(FULL, { colorScheme: 'dark' });
    await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
    for (const id of ['section-1-time', 'section-2-fusion', 'matrix-0-0']) {
      await page.locator(`#${id} svg`).first().waitFor();
    }
    expect(await page.locator('#section-1-time svg path[stroke="#0072B2"]').count()).toBeGreaterThan(0);
    expect(await page.evaluate('getComputedStyle(document.body).backgroundColor')).toBe('rgb(255, 255, 255)');
    expect(await page.locator('button[data-zoom]').first().isVisible()).toBe(false);
    expect((await page.pdf({ format: 'A4' })).length).toBeGreaterThan(10_000);
    await page.emulateMedia({ media: 'screen', colorScheme: 'dark' });
    await expect
      .poll(() => page.locator('#section-1-time svg path[stroke="#3D9BD6"]').count())
      .toBeGreaterThan(0);
  });

  test('names that are HTML are text in hovers, too', async () => {
    const hostile = set([
      measurement(HOSTILE, 1024, 2),
      measurement(HOSTILE, 4096, 3),
      measurement('b', 1024, 3),
    ]);
    const html = renderPage(
      assemblePage({
        title: HOSTILE,
        sources: [
          { name: HOSTILE, measurements: hostile },
          { name: 'b', measurements: hostile },
        ],
      }),
    );
    const { page } = await open(html);
    await page.locator('#section-1-time').focus();
    await page.keyboard.press('ArrowRight');
    await page.locator('#section-1-time table.tip').waitFor();
    expect(await page.locator('#section-1-time table.tip').innerText()).toContain('<img');
    expect(await page.locator('img').count()).toBe(0);
    expect(await page.title()).toContain('</script>');
  });

  test('SVG files are drawn as images, whatever names they hold', async () => {
    const hostile = set([measurement(HOSTILE, 1024, 2), measurement('b', 1024, 3), ...FUSED], { matrices });
    const files = renderSvgFiles(
      assemblePage({ title: HOSTILE, sources: [{ name: HOSTILE, measurements: hostile }] }),
    );
    const images = files.map(
      ({ text }) => `<img alt="" src="data:image/svg+xml;base64,${Buffer.from(text).toString('base64')}">`,
    );
    const { page, close } = await browsing!.open(images.join('\n'));
    onTestFinished(close);
    // An image that is no XML has no size.
    const widths = await page.evaluate<number[]>('[...document.images].map((image) => image.naturalWidth)');
    expect(widths).toEqual(files.map(() => 860));
  });
});
