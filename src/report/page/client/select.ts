/**
 * @file Zoom by dragging over the sizes that are wanted, with a mouse. Fingers scroll the page and pinch to zoom.
 */
import type { View } from './view.ts';

/** Less is a click that slipped, px. */
const LEAST = 12;

/** Calls `chosen` with both ends, log2 of the size. */
export function selectByDragging(view: View, chosen: (from: number, to: number) => void): void {
  const { element } = view;
  let start: number | undefined;
  let area: HTMLElement | undefined;

  const offset = (event: PointerEvent): number => event.clientX - element.getBoundingClientRect().left;
  const stop = (): void => {
    start = undefined;
    area?.remove();
    area = undefined;
  };
  element.addEventListener('pointerdown', (event) => {
    if (event.pointerType !== 'mouse' || event.button !== 0 || event.shiftKey) return;
    start = offset(event);
  });
  element.addEventListener('pointermove', (event) => {
    if (start === undefined) return;
    // The button was let go outside of the page.
    if ((event.buttons & 1) === 0) return stop();
    const at = offset(event);
    if (Math.abs(at - start) < LEAST) return;
    if (area === undefined) {
      area = document.createElement('div');
      area.className = 'select';
      element.append(area);
    }
    area.style.left = `${Math.min(at, start)}px`;
    area.style.width = `${Math.abs(at - start)}px`;
  });
  window.addEventListener('pointerup', (event) => {
    const from = start;
    const dragged = area !== undefined;
    stop();
    if (from === undefined || !dragged) return;
    const ends = [from, offset(event)].map((x) => Number(view.chart?.convertFromPixel({ xAxisIndex: 0 }, x)));
    if (ends.every(Number.isFinite)) chosen(Math.min(...ends), Math.max(...ends));
  });
  element.addEventListener('dblclick', () => chosen(Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY));
}
