/**
 * @file The small drawings on the buttons of curves, which follow the theme.
 */
import type { Look } from '../frame.ts';
import { swatch } from '../tooltips.ts';

/** Draws a button's anew. */
export function showSwatch(button: HTMLElement, look: Pick<Look, 'theme' | 'sets'>): void {
  const drawing = swatch(Number(button.dataset.style), Number(button.dataset.set), look);
  const holder = document.createElement('template');
  holder.innerHTML = drawing;
  button.querySelector('.swatch')?.replaceWith(holder.content.firstElementChild!);
}
