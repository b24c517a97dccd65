/**
 * @file All findings of an inspection, in the order of the report.
 */
import { environmentFindings } from './environment.ts';
import type { Finding } from './finding.ts';
import { gpuFindings } from './gpus.ts';
import { type HostFacts, hostFindings } from './host.ts';
import type { Inspection } from './inspection.ts';
import { libraryFindings } from './libraries.ts';
import { planFinding } from './plan.ts';

export function examine(
  inspection: Inspection,
  host: HostFacts,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Finding[] {
  const gpus = inspection.devices.ok && inspection.devices.value.devices.length > 0;
  return [
    ...hostFindings(host, gpus),
    ...gpuFindings(inspection),
    ...libraryFindings(inspection, gpus),
    ...environmentFindings(environment),
    planFinding(gpus),
  ];
}
