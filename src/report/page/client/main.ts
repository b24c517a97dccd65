/**
 * @file Brings the page to life: charts as they come into view, the theme, paper, tables. All data is in the page itself.
 */
import type { PageModel } from '../model.ts';
import { matrixOption } from '../other-charts.ts';
import type { Theme } from '../palette.ts';
import { SectionView } from './section.ts';
import { ServingView } from './serving.ts';
import { makeCopyable, makeSortable } from './table.ts';
import { type Stop, View } from './view.ts';

/** Width of a chart on paper, px: A4 and letter less margins. */
const PAPER = 680;

const model = JSON.parse(document.getElementById('report-data')?.textContent ?? '{}') as PageModel;
const live = document.getElementById('live');
const sets = model.sets.map(({ name }) => name);

function announce(words: string): void {
  if (live !== null) live.textContent = words;
}

const sections = [...document.querySelectorAll<HTMLElement>('[data-section]')].map(
  (element) => new SectionView(element, model.sections[Number(element.dataset.section)]!, sets, announce),
);
const serving = [...document.querySelectorAll<HTMLElement>('[data-serving]')].map(
  (element) => new ServingView(element, model.serving[Number(element.dataset.serving)]!, announce),
);
const matrices = [...document.querySelectorAll<HTMLElement>('[data-chart=matrix]')].map((element) => {
  const matrix = model.matrices[Number(element.dataset.index)]!;
  const stops = matrix.rows
    .flatMap((row, i) => row.flatMap((value, j) => (value === null ? [] : [{ i, j, value }])))
    .map(
      ({ i, j, value }, dataIndex): Stop => ({
        item: { seriesIndex: 0, dataIndex },
        words: `From ${i} to ${j}: ${value} ${matrix.unit}`,
      }),
    );
  const content = { option: (look: View['look']) => matrixOption(matrix, look), stops: () => stops };
  return new View(element, content, sets.length, announce);
});
const views = [...[...sections, ...serving].flatMap((section) => section.views), ...matrices];

// ---------- Theme ----------

const darkScheme = window.matchMedia('(prefers-color-scheme: dark)');
const themeButton = document.getElementById('theme');
let chosen: Theme | undefined;

function currentTheme(): Theme {
  return chosen ?? (darkScheme.matches ? 'dark' : 'light');
}

function applyTheme(theme: Theme): void {
  for (const section of [...sections, ...serving]) section.setTheme(theme);
  for (const view of matrices) view.setTheme(theme);
}

function showTheme(): void {
  const theme = currentTheme();
  document.documentElement.dataset.theme = theme;
  themeButton?.setAttribute('aria-pressed', String(theme === 'dark'));
  applyTheme(theme);
}

themeButton?.addEventListener('click', () => {
  chosen = currentTheme() === 'dark' ? 'light' : 'dark';
  showTheme();
});
darkScheme.addEventListener('change', showTheme);

// ---------- Paper ----------

function print(on: boolean): void {
  applyTheme(on ? 'light' : currentTheme());
  for (const view of views) view.fix(on ? PAPER : undefined);
}

// Printing tells by an event, emulation of paper only by the media query.
window.matchMedia('print').addEventListener('change', ({ matches }) => print(matches));
window.addEventListener('beforeprint', () => print(true));
window.addEventListener('afterprint', () => print(false));

// ---------- Drawing when needed ----------

const byElement = new Map<Element, View>(views.map((view) => [view.element, view]));
const seen = new IntersectionObserver(
  (entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      byElement.get(target)?.show();
      seen.unobserve(target);
    }
  },
  { rootMargin: '600px' },
);
const sized = new ResizeObserver((entries) => {
  for (const { target } of entries) byElement.get(target)?.draw();
});

showTheme();
for (const view of views) {
  seen.observe(view.element);
  sized.observe(view.element);
}
for (const table of document.querySelectorAll<HTMLTableElement>('details.data table')) {
  makeSortable(table, announce);
}
for (const button of document.querySelectorAll<HTMLButtonElement>('button.copy')) {
  makeCopyable(button, announce);
}
