/**
 * @file `crossover doctor`: what this host has, what that means for collectives, and what to do about it.
 */
import { Command } from 'commander';
import { describe } from '../../doctor/describe.ts';
import { examine } from '../../doctor/examine.ts';
import { inspectHost } from '../../doctor/host.ts';
import { type Inspection, inspect } from '../../doctor/inspection.ts';
import { linkMatrix } from '../../engine/cuda/inspect/links.ts';
import { CrossoverError } from '../../errors.ts';
import { VERSION } from '../../version.ts';

const HELP = `
P2P between GPUs is tried, not believed: every ordered pair writes and reads. Links are measured when no GPU is in use.

Exit code 1 when something keeps crossover from working here.

Examples:
  $ crossover doctor --json
  $ crossover doctor --no-measure
`;

interface Options {
  json?: boolean;
  measure?: boolean;
}

export function doctorCommand(): Command {
  return new Command('doctor')
    .description('what this host has, what it means, and what to do about it')
    .option('--json', 'print data instead of text, with all numbers')
    .option('--measure', 'measure the links between GPUs even while they are in use')
    .option('--no-measure', 'do not measure the links between GPUs')
    .addHelpText('after', HELP)
    .action(async ({ json, measure }: Options) => {
      const inspection = await inspect(measure, showProgress);
      showProgress('');
      const host = inspectHost();
      const findings = examine(inspection, host);
      process.stdout.write(
        json
          ? `${JSON.stringify({ crossover: VERSION, findings, host, ...inspection, ...linksOf(inspection) }, null, 2)}\n`
          : describe(findings, inspection),
      );
      const bad = findings.filter((finding) => !finding.ok);
      if (bad.length > 0)
        throw new CrossoverError(`${bad.map((finding) => finding.what).join(', ')}: see above`);
    });
}

function linksOf({ devices, management }: Inspection): object {
  if (!devices.ok) return {};
  return { links: linkMatrix(devices.value, management.ok ? management.value : undefined) };
}

/** One line that replaces itself, on terminals only. */
function showProgress(at: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${at}`);
}
