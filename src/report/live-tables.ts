/**
 * @file What `crossover check --live` found, for people: what does not hold first, a line a key, and what to do.
 */
import { keyName } from '../plan/key.ts';
import { hasMoved, type Verdict } from '../tune/live/verdict.ts';
import { formatTable } from './table.ts';

/** The text, with a line end. `skipped` probes had no time left. */
export function formatLive(
  verdicts: readonly Verdict[],
  differences: readonly string[],
  skipped: number,
): string {
  const told = verdicts.filter(({ finding }) => finding !== 'holds');
  const lines = [
    ...(differences.length > 0 ? [`the host is not as it was: ${differences.join('; ')}`, ''] : []),
    ...(told.length > 0 ? [...told.map(({ finding, text }) => `${finding.padEnd(6)}  ${text}`), ''] : []),
    keyTable(verdicts),
    '',
    summary(verdicts, skipped),
  ];
  return `${lines.join('\n')}\n`;
}

function keyTable(verdicts: readonly Verdict[]): string {
  const keys = [...new Set(verdicts.map(({ probed }) => keyName(probed.probe.key)))];
  const rows = keys.map((name) => {
    const own = verdicts.filter(({ probed }) => keyName(probed.probe.key) === name);
    const worst = Math.max(...own.map(({ loss }) => loss));
    const drifts = own.flatMap(({ drift }) => drift ?? []).sort((a, b) => a - b);
    const middle = drifts[Math.floor(drifts.length / 2)];
    return [
      name,
      String(own.length),
      String(own.filter(({ finding }) => finding === 'moved' || finding === 'gone').length),
      `${(100 * worst).toFixed(1)} %`,
      middle === undefined ? '-' : `${middle.toFixed(2)} x`,
    ];
  });
  return formatTable(
    [
      { head: 'key', left: true },
      { head: 'sizes' },
      { head: 'moved' },
      { head: 'worst loss' },
      { head: 'time now / planned' },
    ],
    rows,
  );
}

function summary(verdicts: readonly Verdict[], skipped: number): string {
  const over = skipped === 0 ? '' : ` (no time was left for ${skipped} more: --seconds)`;
  if (hasMoved(verdicts)) return `the plan does not hold here any more${over}; run "crossover tune"`;
  const slower = verdicts.filter(({ finding }) => finding === 'slower').length;
  if (slower > verdicts.length / 2) {
    return `the plan's choices hold${over}, and most take longer than they did: look at the links ("crossover doctor"), and at who else uses them`;
  }
  return `the plan holds${over}`;
}
