/**
 * @file The charts as SVG files, without a browser: for READMEs and issues. A file for light and one for dark pages each.
 */
import { curvesOption } from './charts.ts';
import { escapeHtml } from './escape.ts';
import type { ChartOption, Look, Quantity } from './frame.ts';
import type { PageModel, Section } from './model.ts';
import { fusionOption, matrixOption } from './other-charts.ts';
import type { Theme } from './palette.ts';
import { initChart } from './parts.ts';
import { servingChartTitle, servingOption } from './serving-chart.ts';
import { SERVING_QUANTITIES } from './serving-html.ts';

export interface SvgFile {
  /** Unique among the files, of letters, digits, dots and dashes. */
  readonly name: string;
  readonly text: string;
}

type MakeFile = (name: string, title: string, option: ChartOption, height: number) => SvgFile;

const WIDTH = 860;
const HEIGHT = 500;

/** Every chart of the page. */
export function renderSvgFiles(model: PageModel): SvgFile[] {
  const sets = model.sets.length;
  return (['light', 'dark'] as const).flatMap((theme) => {
    const look = { theme, width: WIDTH, height: HEIGHT, sets, alone: true };
    const end = theme === 'dark' ? '-dark.svg' : '.svg';
    const used = new Set<string>();
    const file: MakeFile = (name, title, option, height) => ({
      name: `${unique(name, used)}${end}`,
      text: titled(render(option, WIDTH, height), title),
    });
    return [
      ...model.sections.flatMap((section) => sectionFiles(section, model, look, file)),
      ...model.serving.flatMap((one) =>
        SERVING_QUANTITIES.map((quantity) =>
          file(
            `serving-${one.title}-${quantity}`,
            servingChartTitle(one, quantity),
            servingOption(one, quantity, look),
            HEIGHT,
          ),
        ),
      ),
      ...model.matrices.map((matrix) => {
        const height = Math.min(WIDTH, 110 + 40 * matrix.rows.length);
        return file(`p2p-${matrix.title}`, matrix.title, matrixOption(matrix, { ...look, height }), height);
      }),
    ];
  });
}

function sectionFiles(
  section: Section,
  model: PageModel,
  look: Look & { theme: Theme },
  file: MakeFile,
): SvgFile[] {
  // A legend of many lines takes nothing from the curves.
  const height = HEIGHT + 22 * Math.max(0, Math.ceil(section.series.length / 6) - 1);
  const curves = (quantity: Quantity): SvgFile =>
    file(
      `${section.name}-${quantity}`,
      `${section.title}: ${quantity}`,
      curvesOption(section, quantity, { ...look, height }),
      height,
    );
  const names = model.sets.map(({ name }) => name);
  return [
    ...(section.series.length === 0 ? [] : [curves('time')]),
    ...(section.series.length === 0 || !section.busFactor ? [] : [curves('bandwidth')]),
    ...(section.fusion.length === 0
      ? []
      : [
          file(
            `${section.name}-fusion`,
            `${section.title}: fused against unfused`,
            fusionOption(section, names, { ...look, height: 400 }),
            400,
          ),
        ]),
  ];
}

function render(option: ChartOption, width: number, height: number): string {
  const chart = initChart(null, null, { renderer: 'svg', ssr: true, width, height });
  try {
    chart.setOption(option);
    return chart.renderToSVGString();
  } finally {
    // What is not disposed of keeps timers, and with them the process.
    chart.dispose();
  }
}

/** What a screen reader says of an image. */
function titled(svg: string, title: string): string {
  return svg.replace(
    /^<svg ([^>]*)>/,
    (_, attributes) => `<svg role="img" ${attributes}>\n<title>${escapeHtml(title)}</title>`,
  );
}

function unique(text: string, used: Set<string>): string {
  const name =
    text
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-+|-+$/g, '')
      .slice(0, 80) || 'chart';
  let free = name;
  for (let n = 2; used.has(free); n++) free = `${name}-${n}`;
  used.add(free);
  return free;
}
