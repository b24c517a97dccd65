/**
 * @file Colours, symbols and dashes of curves. Colours are those of Okabe and Ito, which people with any kind of colour vision tell apart; a symbol
 * of its own makes each curve readable without colours, too.
 */

export type Theme = 'light' | 'dark';

export interface CurveStyle {
  readonly color: string;
  /** In a box of 10 by 10. */
  readonly path: string;
  readonly dash: 'solid' | 'dashed' | 'dotted';
}

const COLORS: Readonly<Record<Theme, readonly string[]>> = {
  light: ['#0072B2', '#D55E00', '#009E73', '#CC79A7', '#E69F00', '#56B4E9', '#000000', '#7F7F7F'],
  // Black and the darker grey would vanish; yellow takes a place that it cannot have on white.
  dark: ['#3D9BD6', '#E8743B', '#12B886', '#D98CB8', '#E69F00', '#7CC8F2', '#F2F2F2', '#F0E442'],
};

const PATHS = [
  'M5 0A5 5 0 1 1 5 10A5 5 0 1 1 5 0Z',
  'M0.6 0.6H9.4V9.4H0.6Z',
  'M5 0L10 9H0Z',
  'M5 0L10 5L5 10L0 5Z',
  'M0 1H10L5 10Z',
  'M2 0L5 3L8 0L10 2L7 5L10 8L8 10L5 7L2 10L0 8L3 5L0 2Z',
  'M3.5 0H6.5V3.5H10V6.5H6.5V10H3.5V6.5H0V3.5H3.5Z',
];

const DASHES = ['solid', 'dashed', 'dotted'] as const;

/** Seven symbols and eight colours meet again only after 56 curves. With several sets, a dash is a set; with one, it is a round of the colours. */
export function curveStyle(index: number, set: number, sets: number, theme: Theme): CurveStyle {
  const colors = COLORS[theme];
  const round = Math.floor(index / colors.length);
  return {
    color: colors[index % colors.length]!,
    path: PATHS[index % PATHS.length]!,
    dash: DASHES[(sets > 1 ? set : round) % DASHES.length]!,
  };
}

/** Everything of a chart that is no curve. */
export interface Ink {
  readonly text: string;
  readonly muted: string;
  readonly grid: string;
  readonly axis: string;
  readonly background: string;
  readonly panel: string;
  readonly loss: string;
}

export const INK: Readonly<Record<Theme, Ink>> = {
  light: {
    text: '#1b1f24',
    muted: '#57606a',
    grid: '#e6e9ed',
    axis: '#8c959f',
    background: '#ffffff',
    panel: '#ffffff',
    loss: '#D55E00',
  },
  dark: {
    text: '#e6edf3',
    muted: '#a3acb6',
    grid: '#2a3038',
    axis: '#6e7681',
    background: '#11151a',
    panel: '#1c2229',
    loss: '#E8743B',
  },
};

/** Black or white, whichever reads better on a colour. */
export function textOn(color: string): string {
  const part = (at: number): number => {
    const value = Number.parseInt(color.slice(at, at + 2), 16) / 255;
    return value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  };
  const luminance = 0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5);
  return luminance > 0.179 ? '#000000' : '#ffffff';
}
