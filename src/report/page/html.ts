/**
 * @file The report as one HTML file. Its security policy allows the one script that is in it, by its hash, and no request to anywhere.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { escapeHtml, jsonForScript } from './escape.ts';
import type { MatrixModel, PageModel, Section, SetModel } from './model.ts';
import { servingHtml } from './serving-html.ts';
import { STYLES } from './styles.ts';
import { glanceTable, lossTable, matrixTable, regretTables, sectionTable } from './tables-html.ts';
import { swatch } from './tooltips.ts';

/** Where the build puts the page's script, beside this file. */
const SCRIPT = new URL('./client.min.js', import.meta.url);

/** The whole page. */
export function renderPage(model: PageModel): string {
  const script = pageScript();
  const hash = createHash('sha256').update(script).digest('base64');
  const policy = `default-src 'none'; script-src 'sha256-${hash}'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="crossover ${escapeHtml(model.crossover)}">
<title>${escapeHtml(model.title)}</title>
<style>${STYLES}</style>
</head>
<body>
<a class="skip" href="#content">Skip to the measurements</a>
<div class="wrap">
<header><h1>${escapeHtml(model.title)}</h1><button type="button" id="theme" aria-pressed="false">Dark</button>
<p class="lead">${leadOf(model)}</p></header>
<noscript><p>Charts need JavaScript; all numbers are in the tables.</p></noscript>
<main id="content" tabindex="-1">
${contentOf(model)}
</main>
<footer><p>Made by crossover ${escapeHtml(model.crossover)}. Spreads: two times within the sum of theirs are not told apart.</p></footer>
</div>
<div id="live" class="hidden" role="status" aria-live="polite"></div>
<script type="application/json" id="report-data">${jsonForScript(model)}</script>
<script>${script}</script>
</body>
</html>
`;
}

/** The bundle as it stands in the page: what is hashed has to be what the browser reads between the tags. */
function pageScript(): string {
  const text = readFileSync(SCRIPT, 'utf8').replaceAll('\r\n', '\n');
  return text.replaceAll(/<\/(script)/gi, '<\\/$1').replaceAll('<!--', '<\\!--');
}

function leadOf({ sets, sections, serving }: PageModel): string {
  const names = sets.map(({ name }) => `<strong>${escapeHtml(name)}</strong>`);
  const count = `${sections.length} ${sections.length === 1 ? 'operation' : 'operations and variants'}`;
  const what = serving.length === 0 ? count : sections.length === 0 ? 'serving' : `${count}, serving`;
  return names.length > 1
    ? `${what}; ${names[0]} beside ${names.slice(1).join(', ')}`
    : `${what}: ${names[0] ?? ''}`;
}

function contentOf(model: PageModel): string {
  const { sections, serving, matrices, regret, losses, sets } = model;
  const allLosses = [...losses, ...sections.flatMap((section) => section.losses)];
  const hasRegret = regret.length > 0 || sections.some(({ sweepLosses }) => sweepLosses.length > 0);
  return [
    sections.length > 1 ? part('glance', 'At a glance', glanceTable(model)) : '',
    ...sections.map((section, i) => sectionHtml(section, i, model)),
    ...serving.map(servingHtml),
    matrices.length > 0
      ? part(
          'matrices',
          'Between devices',
          `<div class="matrices">${matrices.map(matrixHtml).join('')}</div>`,
        )
      : '',
    hasRegret ? part('regret', 'Regret of the plan', regretTables(model)) : '',
    allLosses.length > 0
      ? part(
          'losses',
          'Sizes at which the choice loses',
          lossTable(allLosses, 'Sizes at which the choice loses'),
        )
      : '',
    part('hosts', sets.length > 1 ? 'Hosts and files' : 'Host and files', hostsHtml(sets)),
  ].join('\n');
}

function part(id: string, title: string, content: string): string {
  return `<section id="${id}" aria-labelledby="${id}-title"><h2 id="${id}-title">${title}</h2>${content}</section>`;
}

const KEYS =
  'Arrow keys move along sizes and read them out, + and - zoom, 0 resets. With a mouse, drag over sizes to zoom.';

function sectionHtml(section: Section, index: number, { sets }: PageModel): string {
  const { id, title, name, series, summary, fusion, losses, busFactor } = section;
  const charts = [
    ...(series.length === 0 ? [] : [{ kind: 'time', head: 'Time over size, us' }]),
    ...(series.length === 0 || !busFactor
      ? []
      : [{ kind: 'bandwidth', head: 'Bus bandwidth over size, GB/s' }]),
    ...(fusion.length === 0 ? [] : [{ kind: 'fusion', head: 'Fused against unfused, % of time saved' }]),
  ];
  const names = sets.map((set) => set.name);
  return `<section id="${id}" aria-labelledby="${id}-title" data-section="${index}">
<h2 id="${id}-title">${escapeHtml(title)}</h2>
<code>${escapeHtml(name)}</code>
<ul class="summary" id="${id}-summary">${summary.map((line) => `<li>${escapeHtml(line)}</li>`).join('')}</ul>
${series.length === 0 ? '' : legendHtml(section, sets.length)}
<div class="charts${charts.length > 1 ? ' two' : ''}">${charts
    .map(({ kind, head }) => figure(`${id}-${kind}`, kind, index, head, title, `${id}-summary`))
    .join('')}</div>
${losses.length === 0 ? '' : lossTable(losses, `${title}: sizes at which the choice loses`)}
${series.length === 0 ? '' : sectionTable(section, names)}
</section>`;
}

function legendHtml({ title, series }: Section, sets: number): string {
  const curves = series.map(
    (one) =>
      `<button type="button" class="curve" aria-pressed="true" data-curve="${escapeHtml(one.label)}" data-style="${one.style}" data-set="${one.set}">${swatch(one.style, one.set, { theme: 'light', sets })}<span>${escapeHtml(one.label)}</span></button>`,
  );
  const button = (action: string, label: string): string =>
    `<button type="button" data-zoom="${action}">${label}</button>`;
  return `<div class="tools legend"><div class="group" role="group" aria-label="Curves of ${escapeHtml(title)}">${curves.join('')}</div>
<div class="group zoom" role="group" aria-label="Zoom of ${escapeHtml(title)}">${button('in', 'Zoom in')}${button('out', 'Zoom out')}${button('reset', 'Reset zoom')}</div></div>`;
}

function figure(
  id: string,
  kind: string,
  index: number,
  head: string,
  title: string,
  describedBy: string,
): string {
  return `<figure><figcaption><h3 id="${id}-head">${head}</h3></figcaption><div class="chart${kind === 'fusion' ? ' small' : ''}" id="${id}" data-chart="${kind}" data-index="${index}" tabindex="0" role="application" aria-roledescription="chart" aria-label="${escapeHtml(`${head}: ${title}. ${KEYS}`)}" aria-describedby="${describedBy}"></div></figure>`;
}

function matrixHtml(matrix: MatrixModel, index: number): string {
  const { id, title, summary } = matrix;
  return `<figure><figcaption><h3 id="${id}-head">${escapeHtml(title)}</h3><p id="${id}-summary">${escapeHtml(summary)}</p></figcaption><div class="chart" id="${id}" data-chart="matrix" data-index="${index}" tabindex="0" role="application" aria-roledescription="chart" aria-label="${escapeHtml(`${title}. Arrow keys move along pairs and read them out.`)}" aria-describedby="${id}-summary"></div>${matrixTable(matrix)}</figure>`;
}

function hostsHtml(sets: readonly SetModel[]): string {
  const cards = sets.map(({ name, facts, notes }) => {
    const list = facts.map(([key, value]) => `<dt>${escapeHtml(key)}</dt><dd>${escapeHtml(value)}</dd>`);
    const problems =
      notes.length === 0
        ? ''
        : `<p>When reading:</p><ul>${notes.map((note) => `<li>${escapeHtml(note)}</li>`).join('')}</ul>`;
    return `<div><h3>${escapeHtml(name)}</h3>${list.length === 0 ? '<p>Nothing is known of the host.</p>' : `<dl>${list.join('')}</dl>`}${problems}</div>`;
  });
  return `<div class="hosts">${cards.join('')}</div>`;
}
