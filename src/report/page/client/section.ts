/**
 * @file One section's charts together: they hide the same curves and show the same sizes.
 */
import { formatBytes } from '../../../units.ts';
import { sizeAxis, sizeTicks } from '../axes.ts';
import { curvesOption, shownValues } from '../charts.ts';
import { type ChartOption, nameRoom, type Quantity, valueAxis } from '../frame.ts';
import { type Section, sizesOf } from '../model.ts';
import { fusionOption } from '../other-charts.ts';
import type { Theme } from '../palette.ts';
import { sizeInWords, spoken } from '../readings.ts';
import { selectByDragging } from './select.ts';
import { showSwatch } from './swatch.ts';
import { type Content, type Stop, View } from './view.ts';

/** Sizes that are shown, log2. */
interface Window {
  readonly from: number;
  readonly to: number;
}

/** No closer than this many doublings. */
const CLOSEST = 2;

export class SectionView {
  readonly views: readonly View[];
  readonly #section: Section;
  readonly #element: HTMLElement;
  readonly #sets: readonly string[];
  readonly #hidden = new Set<string>();
  readonly #announce: (words: string) => void;
  readonly #all: Window;
  #window: Window;

  constructor(
    element: HTMLElement,
    section: Section,
    sets: readonly string[],
    announce: (words: string) => void,
  ) {
    this.#element = element;
    this.#section = section;
    this.#sets = sets;
    this.#announce = announce;
    const { min, max } = sizeAxis(sizesOf(section), 1000);
    this.#all = { from: min, to: max };
    this.#window = this.#all;
    this.views = [...element.querySelectorAll<HTMLElement>('[data-chart]')].map((chart) => this.#view(chart));
    for (const button of element.querySelectorAll<HTMLButtonElement>('.curve')) {
      button.addEventListener('click', () => this.#toggle(button));
    }
    for (const button of element.querySelectorAll<HTMLButtonElement>('[data-zoom]')) {
      button.addEventListener('click', () => this.#zoomBy(button.dataset.zoom ?? 'reset'));
    }
  }

  setTheme(theme: Theme): void {
    for (const button of this.#element.querySelectorAll<HTMLElement>('.curve')) {
      showSwatch(button, { theme, sets: this.#sets.length });
    }
    for (const view of this.views) view.setTheme(theme);
  }

  #view(element: HTMLElement): View {
    const kind = element.dataset.chart;
    if (kind === 'fusion') return new View(element, this.#fusion(), this.#sets.length, this.#announce);
    const content = this.#curves(kind === 'bandwidth' ? 'bandwidth' : 'time');
    const view = new View(element, content, this.#sets.length, this.#announce);
    selectByDragging(view, (from, to) => this.#zoom({ from: Math.round(from), to: Math.round(to) }));
    return view;
  }

  #curves(quantity: Quantity): Content {
    const section = this.#section;
    let listening: View['chart'];
    return {
      option: (look): ChartOption => {
        const option = curvesOption(section, quantity, look);
        const selected = Object.fromEntries([...this.#hidden].map((label) => [label, false]));
        return { ...option, legend: { ...option.legend, selected } };
      },
      stops: () =>
        sizesOf(section)
          .filter((bytes) => Math.log2(bytes) >= this.#window.from && Math.log2(bytes) <= this.#window.to)
          .map((bytes): Stop => ({ x: Math.log2(bytes), words: spoken(section, bytes, this.#hidden) })),
      key: (key) => {
        const action = { '+': 'in', '=': 'in', '-': 'out', '0': 'reset' }[key];
        if (action !== undefined) this.#zoomBy(action);
        return action !== undefined;
      },
      drawn: (view) => {
        this.#apply(view, quantity);
        if (listening === view.chart) return;
        listening = view.chart;
        view.chart?.on('datazoom', () => this.#zoomed(view));
      },
    };
  }

  #fusion(): Content {
    const section = this.#section;
    return {
      option: (look) => fusionOption(section, this.#sets, look),
      stops: () =>
        section.fusion.flatMap(({ points }, seriesIndex) =>
          points.map(({ bytes, percent, margin, fused, unfused }, dataIndex): Stop => {
            const sure = Math.abs(percent) > (margin ?? 0) ? '' : ', within the spreads';
            const saved = `${percent < 0 ? 'costs' : 'saves'} ${Math.abs(percent).toFixed(1)} %`;
            const words = `${sizeInWords(section, bytes)}: ${fused} ${saved} of ${unfused}${sure}`;
            return { item: { seriesIndex, dataIndex }, words };
          }),
        ),
    };
  }

  #toggle(button: HTMLButtonElement): void {
    const label = button.dataset.curve ?? '';
    const shown = this.#hidden.has(label);
    if (shown) this.#hidden.delete(label);
    else this.#hidden.add(label);
    button.setAttribute('aria-pressed', String(shown));
    for (const view of this.#curveViews()) {
      view.chart?.dispatchAction({ type: shown ? 'legendSelect' : 'legendUnSelect', name: label });
      this.#apply(view, quantityOf(view));
    }
  }

  #zoomBy(action: string): void {
    const { from, to } = this.#window;
    if (action === 'reset') {
      this.#zoom(this.#all);
      return;
    }
    const width = (to - from) * (action === 'in' ? 0.5 : 2);
    const middle = (from + to) / 2;
    this.#zoom({ from: Math.round(middle - width / 2), to: Math.round(middle + width / 2) });
  }

  #zoom({ from, to }: Window): void {
    const width = Math.max(CLOSEST, to - from);
    const start = Math.max(this.#all.from, Math.min(from, this.#all.to - width));
    this.#window = { from: start, to: Math.min(this.#all.to, start + width) };
    for (const view of this.#curveViews()) this.#apply(view, quantityOf(view));
    const [first, last] = [this.#window.from, this.#window.to].map((log) => formatBytes(2 ** log));
    this.#announce(`Sizes from ${first} to ${last}`);
  }

  /** After a wheel, a pinch or a drag that ECharts took by itself: the other charts follow. */
  #zoomed(view: View): void {
    const option = view.chart?.getOption() as
      | { dataZoom?: { startValue?: number; endValue?: number }[] }
      | undefined;
    const zoom = option?.dataZoom?.[0];
    if (zoom?.startValue === undefined || zoom.endValue === undefined) return;
    const { from, to } = this.#window;
    // What was set from here comes back as an event, too.
    if (Math.abs(zoom.startValue - from) < 0.01 && Math.abs(zoom.endValue - to) < 0.01) return;
    this.#window = { from: zoom.startValue, to: zoom.endValue };
    for (const other of this.#curveViews()) this.#apply(other, quantityOf(other));
  }

  /** The window, and an axis of values for what it shows. */
  #apply(view: View, quantity: Quantity): void {
    const { chart } = view;
    if (chart === undefined) return;
    const { from, to } = this.#window;
    const within = { from: 2 ** from * 0.999, to: 2 ** to * 1.001, hidden: this.#hidden };
    const shown = shownValues(this.#section, quantity, within);
    const values = shown.length > 0 ? shown : shownValues(this.#section, quantity);
    const { step } = sizeAxis(
      [2 ** from, 2 ** to],
      view.look.width - nameRoom(this.#section, view.look) - 22,
    );
    const customValues = sizeTicks({ min: from, max: to, step });
    const ticks = { axisTick: { customValues }, axisLabel: { customValues } };
    chart.setOption({
      xAxis: this.#section.ribbons.length > 0 ? [ticks, ticks] : [ticks],
      yAxis: [valueAxis(values, quantity, view.look)],
    });
    chart.dispatchAction({ type: 'dataZoom', dataZoomIndex: 0, startValue: from, endValue: to });
  }

  #curveViews(): View[] {
    return this.views.filter(({ element }) => element.dataset.chart !== 'fusion');
  }
}

function quantityOf({ element }: View): Quantity {
  return element.dataset.chart === 'bandwidth' ? 'bandwidth' : 'time';
}
