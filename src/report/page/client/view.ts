/**
 * @file One chart on the page: drawn when it comes into view, again when its size or the theme changes, and walked through by keyboard.
 */
import type { ECharts } from 'echarts/core';
import type { ChartOption, Look } from '../frame.ts';
import type { Theme } from '../palette.ts';
import { initChart } from '../parts.ts';

/** A place that the keyboard stops at. */
export interface Stop {
  /** Of charts of curves: log2 of the size. */
  readonly x?: number;
  /** Of other charts: the drawn item. */
  readonly item?: { readonly seriesIndex: number; readonly dataIndex: number };
  /** What is read out. */
  readonly words: string;
}

export interface Content {
  option(look: Look): ChartOption;
  stops(): readonly Stop[];
  /** After each time that the option was set anew. */
  drawn?(view: View): void;
  /** A key that no chart knows by itself; true when it was taken. */
  key?(key: string): boolean;
}

export class View {
  readonly element: HTMLElement;
  readonly #content: Content;
  readonly #sets: number;
  readonly #announce: (words: string) => void;
  #chart: ECharts | undefined;
  #theme: Theme = 'light';
  #stop = -1;
  /** Fixed while printing, where no observer tells of the paper's width. */
  #fixed: number | undefined;

  constructor(element: HTMLElement, content: Content, sets: number, announce: (words: string) => void) {
    this.element = element;
    this.#content = content;
    this.#sets = sets;
    this.#announce = announce;
    element.addEventListener('keydown', (event) => this.#key(event));
    element.addEventListener('blur', () => this.#hideTip());
  }

  get chart(): ECharts | undefined {
    return this.#chart;
  }

  get look(): Look {
    const width = this.#fixed ?? this.element.clientWidth;
    const height = this.#fixed === undefined ? this.element.clientHeight : Math.round(this.#fixed * 0.5);
    return { theme: this.#theme, width, height, sets: this.#sets, alone: false };
  }

  /** Draws for the first time; does nothing after that. */
  show(): void {
    if (this.#chart !== undefined) return;
    const { width, height } = this.look;
    this.#chart = initChart(this.element, null, { renderer: 'svg', width, height });
    this.draw();
  }

  draw(): void {
    const chart = this.#chart;
    if (chart === undefined) return;
    const { width, height } = this.look;
    if (width === 0 || height === 0) return;
    chart.resize({ width, height });
    chart.setOption(this.#content.option(this.look), { notMerge: true });
    // The drawing says nothing that the chart's label and the text beside it do not say.
    this.element.querySelector('svg')?.setAttribute('aria-hidden', 'true');
    this.#content.drawn?.(this);
  }

  setTheme(theme: Theme): void {
    this.#theme = theme;
    this.draw();
  }

  /** Draws for paper of a width, or for the screen again. */
  fix(width: number | undefined): void {
    this.#fixed = width;
    this.show();
    this.draw();
  }

  #key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const stops = this.#content.stops();
    const last = stops.length - 1;
    const to: Record<string, number> = {
      ArrowRight: Math.min(last, this.#stop + 1),
      ArrowLeft: this.#stop < 0 ? last : Math.max(0, this.#stop - 1),
      Home: 0,
      End: last,
    };
    const next = to[event.key];
    if (next !== undefined && last >= 0) {
      this.#stop = next;
      this.#showStop(stops[next]!);
    } else if (event.key === 'Escape') {
      this.#hideTip();
    } else if (this.#content.key?.(event.key) !== true) {
      return;
    }
    event.preventDefault();
  }

  #showStop({ x, item, words }: Stop): void {
    this.show();
    if (item !== undefined) {
      this.#chart?.dispatchAction({ type: 'showTip', ...item });
    } else if (x !== undefined) {
      const pixel = this.#chart?.convertToPixel({ xAxisIndex: 0 }, x);
      this.#chart?.dispatchAction({ type: 'showTip', x: pixel, y: this.look.height / 2 });
    }
    this.#announce(words);
  }

  #hideTip(): void {
    this.#chart?.dispatchAction({ type: 'hideTip' });
    this.#chart?.dispatchAction({ type: 'updateAxisPointer', currTrigger: 'leave' });
  }
}
