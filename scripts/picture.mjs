/**
 * @file Draws docs/crossover.svg, the README's picture, from a plan file: time against size on log axes for every algorithm of one
 * key, the plan as a ribbon below. Usage: node scripts/picture.mjs results/PLAN.json "all_reduce bf16 x2 replay" docs/crossover.svg
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { parsePlan } from '../dist/plan/file.js';
import { keyName } from '../dist/plan/key.js';
import { CompiledEntry } from '../dist/plan/lookup.js';
import { formatBytes } from '../dist/units.js';

const [file, name, output] = process.argv.slice(2);
const plan = parsePlan(readFileSync(file, 'utf8'), file);
const entry = plan.entries.find((one) => keyName(one.key) === name);
if (!entry) throw new Error(`${file} has no key "${name}"`);

const WIDTH = 760;
const HEIGHT = 420;
const PLOT = { left: 64, top: 56, right: 600, bottom: 330 };
const COLORS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9'];

// The fastest tunables of each algorithm at each size.
const algorithms = [...new Set(entry.candidates.map((c) => c.algorithm))];
const curves = algorithms.map((algorithm) => {
  const best = new Map();
  for (const { points } of entry.candidates.filter((c) => c.algorithm === algorithm))
    for (const { bytes, us } of points)
      best.set(bytes, Math.min(us, best.get(bytes) ?? Number.POSITIVE_INFINITY));
  return { algorithm, points: [...best].sort(([a], [b]) => a - b) };
});
const times = curves.flatMap(({ points }) => points.map(([, us]) => us));
const { from, to } = entry.measured;
const scale = (low, high, a, b) => (value) =>
  a + ((Math.log(value) - Math.log(low)) / (Math.log(high) - Math.log(low))) * (b - a);
const low = 10 ** Math.floor(Math.log10(Math.min(...times)));
const high = 10 ** Math.ceil(Math.log10(Math.max(...times)));
const x = scale(from, to, PLOT.left, PLOT.right);
const y = scale(low, high, PLOT.bottom, PLOT.top);
const text = (px, py, words, more = '') =>
  `<text x="${px.toFixed(1)}" y="${py.toFixed(1)}" ${more}>${words}</text>`;
const line = (x1, y1, x2, y2, more) =>
  `<line x1="${x1.toFixed(1)}" y1="${y1.toFixed(1)}" x2="${x2.toFixed(1)}" y2="${y2.toFixed(1)}" ${more}/>`;
const color = (algorithm) => COLORS[algorithms.indexOf(algorithm) % COLORS.length];

const parts = [];
for (let us = low; us <= high; us *= 10) {
  parts.push(
    line(PLOT.left, y(us), PLOT.right, y(us), 'class="grid"'),
    text(PLOT.left - 8, y(us) + 4, us, 'text-anchor="end"'),
  );
}
for (let bytes = from; bytes <= to; bytes *= 4)
  parts.push(text(x(bytes), PLOT.bottom + 18, formatBytes(bytes), 'text-anchor="middle"'));

// The plan as a ribbon, and a line up where the algorithm changes.
const compiled = new CompiledEntry(entry.key, entry);
const ribbon = PLOT.bottom + 34;
const changes = entry.ranges.filter(
  (range, i) => i === 0 || range.algorithm !== entry.ranges[i - 1].algorithm,
);
changes.forEach((range, i) => {
  const left = x(Math.max(range.from, from));
  const right = i + 1 < changes.length ? x(changes[i + 1].from) : PLOT.right;
  parts.push(
    `<rect x="${left.toFixed(1)}" y="${ribbon}" width="${(right - left).toFixed(1)}" height="18" fill="${color(range.algorithm)}"/>`,
  );
  if (i > 0) {
    parts.push(line(left, PLOT.top, left, ribbon, 'class="cross"'));
    parts.push(text(left, PLOT.top - 8, formatBytes(range.from), 'text-anchor="middle"'));
  }
});
parts.push(text(PLOT.left - 8, ribbon + 13, 'plan', 'text-anchor="end"'));

curves.forEach(({ algorithm, points }, i) => {
  const path = points
    .map(([bytes, us], k) => `${k === 0 ? 'M' : 'L'}${x(bytes).toFixed(1)} ${y(us).toFixed(1)}`)
    .join(' ');
  parts.push(`<path d="${path}" fill="none" stroke="${color(algorithm)}" stroke-width="2"/>`);
  for (const [bytes, us] of points) {
    const chosen = compiled.find(bytes).algorithm === algorithm;
    parts.push(
      `<circle cx="${x(bytes).toFixed(1)}" cy="${y(us).toFixed(1)}" r="${chosen ? 4 : 2}" fill="${color(algorithm)}"/>`,
    );
  }
  parts.push(
    text(
      PLOT.right + 16,
      PLOT.top + 14 + i * 20,
      algorithm,
      `style="fill:${color(algorithm)};font-weight:600"`,
    ),
  );
});

const { host } = plan.fingerprint;
writeFileSync(
  output,
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="Time of each algorithm against message size, with the plan's choice below">
<style>text{font:12px system-ui,sans-serif;fill:#444}.grid{stroke:#ddd}.cross{stroke:#666;stroke-dasharray:4 3}</style>
<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>
${text(PLOT.left, 22, `${keyName(entry.key)}: microseconds against message size`, 'font-weight="600"')}
${parts.join('\n')}
${text(PLOT.left, HEIGHT - 14, `${host.cpu}, ${host.cores} cores, Node ${host.node}, ${plan.createdAt.slice(0, 10)}: ${plan.command}`)}
</svg>
`,
);
console.error(`wrote ${output}`);
