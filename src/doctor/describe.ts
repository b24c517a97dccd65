/**
 * @file The doctor's report as text: findings section by section, matrices below the GPUs.
 */
import { linkMatrix } from '../engine/cuda/inspect/links.ts';
import { bold, formatTable, type Row } from '../report/table.ts';
import { VERSION } from '../version.ts';
import { type Finding, SECTIONS } from './finding.ts';
import type { Inspection } from './inspection.ts';
import { verdictsOf } from './links.ts';
import { formatConnectivity, formatLinks, formatMatrices } from './matrices.ts';

export function describe(findings: readonly Finding[], inspection: Inspection): string {
  const rows = SECTIONS.flatMap((section): Row[] => {
    const here = findings.filter((finding) => finding.section === section);
    if (here.length === 0) return [];
    const matrices = section === 'GPUs' ? matricesOf(inspection) : '';
    return [
      `\n${bold(section)}`,
      ...here.flatMap(describeFinding),
      ...(matrices === '' ? [] : [`\n${matrices}`]),
    ];
  });
  const columns = [
    { head: '', left: true },
    { head: `crossover ${VERSION}`, left: true },
    { head: '', left: true },
  ];
  return `${formatTable(columns, rows)}\n`;
}

function describeFinding({ ok, what, found, consequence, remedy }: Finding): string[][] {
  return [
    [ok ? 'ok' : 'NO', what, found],
    ...[consequence, remedy]
      .filter((text) => text !== '')
      .map((text, i) => ['', '', `${i === 0 ? '->' : '  '} ${text}`]),
  ];
}

function matricesOf({ devices, management, peers }: Inspection): string {
  if (!devices.ok || devices.value.devices.length < 2) return '';
  const verdicts = peers && verdictsOf(peers);
  const matrices = peers?.ok ? peers.value.matrices : undefined;
  return [
    formatLinks(linkMatrix(devices.value, management.ok ? management.value : undefined)),
    ...(verdicts === undefined ? [] : [formatConnectivity(verdicts)]),
    ...(matrices === undefined ? [] : [formatMatrices(matrices)]),
  ].join('\n\n');
}
