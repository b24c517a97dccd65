/**
 * @file What a serving engine picks and what it loses, as text: a table by size, a table of losses, and sentences with the fix.
 */
import type { LosingBand, PickBand } from '../interop/check/bands.ts';
import type { DecodeReport } from '../interop/check/decode.ts';
import { boundTexts, instructionText, percentText, sizeText } from '../interop/check/words.ts';
import type { Comparison } from '../interop/compare.ts';
import type { EngineConfig } from '../interop/engines/dispatch.ts';
import { formatBytes, formatMicroseconds } from '../units.ts';
import { formatTable } from './table.ts';

/** `vllm 0.30 (as of 2026-09) on 8x H200, NVLink, bf16`. */
export function engineTitle({ engine, deployment }: EngineConfig): string {
  const { gpu, worldSize, nvlink, dtype } = deployment;
  const links = nvlink ? 'NVLink between all' : 'PCIe';
  return `${engine.name} ${engine.version} (as of ${engine.source.date}) on ${worldSize}x ${gpu.name}, ${links}, ${dtype}`;
}

/** One operation: its table of picks, its losses, what follows from them, and what was taken for granted. */
export function formatComparison(comparison: Comparison): string {
  const { name, measured, picks, bands, outOfReach, findings, advice, decode, notes } = comparison;
  const parts = [
    `${name}, measured from ${formatBytes(measured.from)} to ${formatBytes(measured.last)}`,
    formatPicks(picks),
  ];
  if (bands.length > 0) parts.push(`\nLosses\n${formatBands(bands)}`);
  if (outOfReach.length > 0) parts.push(`\nFaster, but out of reach of settings\n${formatBands(outOfReach)}`);
  if (bands.length === 0 && picks.every(({ algorithm }) => algorithm !== undefined)) {
    parts.push('\nNo setting is faster anywhere by more than the tolerance.');
  }
  if (decode !== undefined && decode.losses.length > 0) parts.push(`\n${formatDecode(decode)}`);
  if (findings.length > 0) parts.push('', ...findings.map(({ text }) => `- ${text}`));
  if (advice !== undefined && advice.instructions.length > 0) {
    const [before, after] = [percentText(advice.before * 100), percentText(advice.after * 100)];
    parts.push(
      `\nBest over all sizes: ${instructionText(advice.instructions)} (behind the best choice by ${before} now, ${after} then, root mean square)`,
    );
  }
  parts.push(...notes.map((note) => `note: ${note}`));
  return parts.join('\n');
}

const BAND_COLUMNS = [{ head: 'from' }, { head: 'to' }, { head: 'tokens' }];

function formatPicks(picks: readonly PickBand[]): string {
  return formatTable(
    [...BAND_COLUMNS, { head: 'picks', left: true }, { head: 'measured as', left: true }, { head: 'time' }],
    picks.map((band) => [
      ...bandCells(band),
      band.label,
      band.algorithm === undefined
        ? 'not measured'
        : `${band.algorithm}${band.standIn ? ' (stands in)' : ''}`,
      band.us === undefined ? '' : band.us.map(formatMicroseconds).join(' - '),
    ]),
  );
}

function formatBands(bands: readonly LosingBand[]): string {
  return formatTable(
    [
      ...BAND_COLUMNS,
      { head: 'picks', left: true },
      { head: 'faster', left: true },
      { head: 'lost at most' },
      { head: 'mean' },
      { head: 'slower by' },
      { head: 'at' },
    ],
    bands.map((band) => [
      ...bandCells(band),
      band.pick.label,
      band.other.label,
      formatMicroseconds(band.most.us),
      formatMicroseconds(band.meanUs),
      percentText(band.worst.percent),
      sizeText(band.worst.bytes),
    ]),
  );
}

function bandCells({ from, last, tokens }: PickBand | LosingBand): string[] {
  const batch =
    tokens === undefined
      ? ''
      : tokens.from === tokens.last
        ? `${tokens.from}`
        : `${tokens.from}-${tokens.last}`;
  return [...boundTexts(from, last), batch];
}

function formatDecode({ model, operations, assumptions, losses }: DecodeReport): string {
  const table = formatTable(
    [
      { head: 'batch' },
      { head: 'message' },
      { head: 'picks', left: true },
      { head: 'fastest setting', left: true },
      { head: 'lost a step' },
      { head: 'step' },
      { head: 'of the step' },
    ],
    losses.map((loss) => [
      String(loss.batch),
      formatBytes(loss.bytes),
      loss.pick,
      loss.best,
      formatMicroseconds(loss.us),
      `${loss.stepMs.toFixed(2)} ms`,
      percentText(loss.percent),
    ]),
  );
  const head = `Decoding ${model}: ${operations} of these operations a step`;
  return [head, table, ...assumptions.map((each) => `assumed: ${each}`)].join('\n');
}
