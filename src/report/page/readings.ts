/**
 * @file All values at one size, the fastest first: what a hover shows and what the keyboard reads out.
 */
import { formatBytes, formatMicroseconds } from '../../units.ts';
import { bandwidthOf, type Section, type Series } from './model.ts';

export interface Reading {
  readonly series: Series;
  /** `5.21 us ± 0.13`. */
  readonly time: string;
  /** `12.3 GB/s`; empty where there is none. */
  readonly bandwidth: string;
  /** `fastest`, or `+12 %`. */
  readonly behind: string;
}

/** The curves that have a point at this size. */
export function readingsAt(section: Section, bytes: number, hidden: ReadonlySet<string>): Reading[] {
  const here = section.series
    .filter(({ label }) => !hidden.has(label))
    .flatMap((series) => {
      const point = series.points.find((one) => one.bytes === bytes);
      return point === undefined ? [] : [{ series, point }];
    })
    .sort((a, b) => a.point.us - b.point.us);
  const best = (here.find(({ series }) => !series.lossy) ?? here[0])?.point.us;
  return here.map(({ series, point: { us, spread } }): Reading => {
    const rate = bandwidthOf(section, bytes, us);
    return {
      series,
      time:
        spread === undefined ? formatMicroseconds(us) : `${formatMicroseconds(us)} ± ${spreadOf(us, spread)}`,
      bandwidth: rate === undefined ? '' : `${Number(rate.toPrecision(3))} GB/s`,
      behind: behindOf(us, best!),
    };
  });
}

function behindOf(us: number, best: number): string {
  if (us === best) return 'fastest';
  return `${us > best ? '+' : ''}${((us / best - 1) * 100).toFixed(us < 2 * best ? 1 : 0)} %`;
}

/** In the unit of its time. */
function spreadOf(us: number, spread: number): string {
  const scale = us >= 999_500 ? 1e6 : us >= 999.5 ? 1e3 : 1;
  return String(Number((spread / scale).toPrecision(2)));
}

/** `64 KiB`, and rows where the section has rows. */
export function sizeInWords({ rowBytes }: Section, bytes: number): string {
  const rows = rowBytes === undefined ? undefined : bytes / rowBytes;
  return rows !== undefined && Number.isInteger(rows)
    ? `${formatBytes(bytes)}, ${rows} ${rows === 1 ? 'row' : 'rows'}`
    : formatBytes(bytes);
}

/** One sentence for a screen reader. */
export function spoken(section: Section, bytes: number, hidden: ReadonlySet<string>): string {
  const parts = readingsAt(section, bytes, hidden).map(({ series, time, bandwidth, behind }) =>
    [`${series.label} ${time}`, ...(bandwidth === '' ? [] : [bandwidth]), behind].join(', '),
  );
  return `${sizeInWords(section, bytes)}: ${parts.length === 0 ? 'no curve shown' : parts.join('; ')}`;
}
