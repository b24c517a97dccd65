/**
 * @file A section of serving: two charts over the request rate that hide the same variants.
 */
import type { ServingModel, ServingQuantity } from '../model.ts';
import type { Theme } from '../palette.ts';
import { ratesOf, servingAt } from '../serving.ts';
import { servingOption } from '../serving-chart.ts';
import { showSwatch } from './swatch.ts';
import { type Stop, View } from './view.ts';

export class ServingView {
  readonly views: readonly View[];
  readonly #element: HTMLElement;
  readonly #hidden = new Set<string>();

  constructor(element: HTMLElement, model: ServingModel, announce: (words: string) => void) {
    this.#element = element;
    this.views = [...element.querySelectorAll<HTMLElement>('[data-chart]')].map((chart) => {
      const quantity = chart.dataset.chart as ServingQuantity;
      const content = {
        option: (look: View['look']) => servingOption(model, quantity, look, this.#hidden),
        stops: () =>
          ratesOf(model).map(
            (rate): Stop => ({ x: rate, words: servingAt(model, rate, quantity, this.#hidden) }),
          ),
      };
      return new View(chart, content, 1, announce);
    });
    for (const button of element.querySelectorAll<HTMLButtonElement>('.curve')) {
      button.addEventListener('click', () => this.#toggle(button));
    }
  }

  setTheme(theme: Theme): void {
    for (const button of this.#element.querySelectorAll<HTMLElement>('.curve')) {
      showSwatch(button, { theme, sets: 1 });
    }
    for (const view of this.views) view.setTheme(theme);
  }

  #toggle(button: HTMLButtonElement): void {
    const name = button.dataset.curve ?? '';
    const shown = this.#hidden.has(name);
    if (shown) this.#hidden.delete(name);
    else this.#hidden.add(name);
    button.setAttribute('aria-pressed', String(shown));
    for (const view of this.views) view.draw();
  }
}
