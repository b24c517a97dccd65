/** @file Pages in headless Chromium: what they complain of and what they ask for is kept. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

export const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
export const HAS_CHROMIUM = existsSync(CHROMIUM);

const ARGUMENTS = [
  ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
  ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
];

/** A page that is open, with what went wrong on it. */
export interface Opened {
  readonly page: Page;
  readonly errors: string[];
  /** Of everything that the page asked for; the file itself is the first. */
  readonly requests: string[];
  close(): Promise<void>;
}

/** One browser, and files for it to open; each page has a context of its own, which shares nothing with others. */
export class Browsing {
  readonly #folder = mkdtempSync(join(tmpdir(), 'crossover-browser-'));
  #browser: Promise<Browser> | undefined;
  #count = 0;

  /** Writes the text as a file, and opens that. */
  async open(html: string, options: BrowserContextOptions = {}): Promise<Opened> {
    const path = join(this.#folder, `page-${this.#count++}.html`);
    writeFileSync(path, html);
    this.#browser ??= chromium.launch({ executablePath: CHROMIUM, args: ARGUMENTS });
    const context = await (await this.#browser).newContext({
      viewport: { width: 1300, height: 900 },
      ...options,
    });
    const page = await context.newPage();
    const errors: string[] = [];
    const requests: string[] = [];
    page.on('console', (message) => {
      if (message.type() === 'error') errors.push(message.text());
    });
    page.on('pageerror', (error) => errors.push(error.message));
    page.on('request', (request) => requests.push(request.url()));
    await page.goto(pathToFileURL(path).href);
    return { page, errors, requests, close: () => context.close() };
  }

  async close(): Promise<void> {
    await (await this.#browser)?.close();
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
