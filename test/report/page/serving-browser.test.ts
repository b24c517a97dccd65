/** @file Sections of serving in Chromium: by mouse and keyboard, in the dark, on a phone. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { afterAll, describe, expect, test } from 'vitest';
import { assemblePage } from '../../../dist/report/page/assemble.js';
import { renderPage } from '../../../dist/report/page/html.js';
import { Browsing, HAS_CHROMIUM } from './browser.ts';
import { CROSSING, set } from './samples.ts';
import { ONE_TOKEN, SERVED } from './serving-samples.ts';

const browsing = HAS_CHROMIUM ? new Browsing() : undefined;
afterAll(() => browsing?.close());

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const PAGE = renderPage(
  assemblePage({
    title: 'Serving',
    sources: [{ name: 'host', measurements: set(CROSSING), serving: [SERVED, ONE_TOKEN] }],
  }),
);

describe.skipIf(!HAS_CHROMIUM)('serving in Chromium', () => {
  // One browser for all of it: opening takes longer than everything that is done with it.
  test('a button hides a variant, the keyboard reads out what is shown; dark, and on a phone', async () => {
    const { page, errors, requests, close } = await browsing!.open(PAGE, { colorScheme: 'dark' });
    await page.locator('#serving-1-ttft').scrollIntoViewIfNeeded();
    const lines = page.locator('#serving-1-tpot svg path[stroke="#E8743B"][fill="none"]');
    await expect.poll(() => lines.count()).toBe(2);
    await page.locator('#serving-1-ttft').focus();
    await page.keyboard.press('ArrowRight');
    expect(await page.locator('#live').textContent()).toBe(
      '1 request a second: unfused median 16 ms, p99 64 ms; fused median 12 ms, p99 48 ms',
    );
    await page.locator('#serving-1-ttft table.tip').waitFor();
    const button = page.locator('#serving-1 button.curve', { hasText: /^fused$/ });
    await button.click();
    expect(await button.getAttribute('aria-pressed')).toBe('false');
    await expect.poll(() => lines.count()).toBe(0);
    await page.locator('#serving-1-ttft').focus();
    await page.keyboard.press('End');
    expect(await page.locator('#live').textContent()).toBe(
      '5 requests a second: unfused median 64 ms, p99 256 ms',
    );
    await button.click();
    await expect.poll(() => lines.count()).toBe(2);
    await page.getByText('Table: 4 rows').click();
    await page.locator('#serving-1-table th', { hasText: 'median TPOT' }).getByRole('button').click();
    expect(await page.locator('#serving-1-table tbody tr').first().innerText()).toMatch(/^1\tfused\t/);
    expect(await page.locator('#serving-1 button.curve svg path[stroke="#3D9BD6"]').count()).toBe(1);
    await page.setViewportSize({ width: 360, height: 740 });
    await page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true");
    // Charts are drawn anew when they have noticed.
    await expect.poll(() => page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(360);
    await page.evaluate(AXE);
    const violations = await page.evaluate(
      'axe.run(document).then(({ violations }) => violations.map(({ id }) => id))',
    );
    expect(violations).toEqual([]);
    await close();
    expect([errors, requests.length]).toEqual([[], 1]);
  });
});
