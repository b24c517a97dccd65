/**
 * @file `crossover doctor`: what this host has, what that means for collectives, and what to do about it.
 */

import { existsSync } from 'node:fs';
import { availableParallelism, cpus, freemem, totalmem } from 'node:os';
import { Command } from 'commander';
import { fingerprintHere, LIMITS } from '../../collective/engines.ts';
import { CrossoverError } from '../../errors.ts';
import { defaultPlanPath, loadPlan } from '../../plan/file.ts';
import { fingerprintDifferences } from '../../plan/fingerprint.ts';
import { formatTable } from '../../report/table.ts';
import { formatBytes } from '../../units.ts';
import { VERSION } from '../../version.ts';

/** One thing that was looked at. `consequence` and `remedy` are for people; `ok` decides the exit code. */
interface Finding {
  readonly what: string;
  readonly found: string;
  readonly ok: boolean;
  readonly consequence: string;
  readonly remedy: string;
}

const HELP = `
Exit code 1 when something keeps crossover from working here.

Example:
  $ crossover doctor --json
`;

export function doctorCommand(): Command {
  return new Command('doctor')
    .description('what this host has, what it means, and what to do about it')
    .option('--json', 'print data instead of text')
    .addHelpText('after', HELP)
    .action(({ json }: { json?: boolean }) => {
      const findings = examine();
      process.stdout.write(
        json ? `${JSON.stringify({ crossover: VERSION, findings }, null, 2)}\n` : describe(findings),
      );
      const bad = findings.filter((finding) => !finding.ok);
      if (bad.length > 0)
        throw new CrossoverError(`${bad.map((finding) => finding.what).join(', ')}: see above`);
    });
}

function examine(): Finding[] {
  return [cpu(), memory(), webAssembly(), gpus(), plan()];
}

function cpu(): Finding {
  const cores = availableParallelism();
  return {
    what: 'CPU',
    found: `${cpus()[0]?.model.trim() ?? 'unknown'}, ${cores} cores for this process, Node ${process.version}`,
    ok: true,
    consequence:
      cores === 1
        ? 'ranks take turns on one core: every synchronization costs a switch'
        : `up to ${cores} ranks poll; more ranks sleep while they wait`,
    remedy: cores === 1 ? 'give the process more cores before you tune' : '',
  };
}

function memory(): Finding {
  return {
    what: 'memory',
    found: `${formatBytes(freemem())} free of ${formatBytes(totalmem())}`,
    ok: true,
    consequence: `the CPU engine addresses 4 GiB for up to ${LIMITS.ranks} ranks; 128 MiB a rank by default, committed when touched`,
    remedy: '',
  };
}

/** The kernels need 128-bit SIMD and atomics on shared memory: a module with one instruction of each must validate. */
function webAssembly(): Finding {
  // (module (memory 1 1 shared) (func (drop (v128.const 0...))) (func (drop (i32.atomic.load (i32.const 0)))))
  const sections = [
    '0061736d01000000',
    '010401600000',
    '0303020000',
    '050401030101',
    '0a2102',
    '1500fd0c000000000000000000000000000000001a0b',
    '09004100fe1002001a0b',
  ];
  const valid = WebAssembly.validate(Buffer.from(sections.join(''), 'hex'));
  return {
    what: 'WebAssembly',
    found: valid ? 'SIMD and threads' : 'no SIMD or no threads',
    ok: valid,
    consequence: valid ? 'the CPU engine works' : 'the CPU engine cannot run',
    remedy: valid ? '' : 'use Node >= 20.12 without flags that switch WebAssembly features off',
  };
}

/** Device nodes tell whether a driver is loaded; this version has no engine for it either way. */
function gpus(): Finding {
  const driver = existsSync('/dev/nvidiactl') || existsSync('/dev/nvidia0');
  return {
    what: 'GPUs',
    found: driver ? 'an NVIDIA driver is loaded' : 'none (no NVIDIA driver)',
    ok: true,
    consequence:
      'collectives run on the CPU engine: right for programs and tests, no measure of GPU collectives',
    remedy: driver
      ? 'this version has no CUDA engine; "crossover simulate" predicts for GPUs'
      : '"crossover simulate" predicts times for GPU hosts that are not here',
  };
}

function plan(): Finding {
  const path = defaultPlanPath();
  const what = 'plan';
  if (!existsSync(path) && process.env.CROSSOVER_PLAN) {
    const remedy = 'run "crossover tune", which writes it, or unset CROSSOVER_PLAN';
    return {
      what,
      found: `no ${path}, which $CROSSOVER_PLAN names`,
      ok: false,
      consequence: 'programs refuse to start',
      remedy,
    };
  }
  if (!existsSync(path)) {
    return {
      what,
      found: `no ${path}`,
      ok: true,
      consequence: 'collectives use untuned defaults',
      remedy: 'run "crossover tune"',
    };
  }
  try {
    const differences = fingerprintDifferences(
      loadPlan(path, { force: true }).fingerprint,
      fingerprintHere(),
    );
    if (differences.length === 0)
      return { what, found: path, ok: true, consequence: 'collectives follow it', remedy: '' };
    const found = `${path}, from elsewhere: ${differences.join('; ')}`;
    return {
      what,
      found,
      ok: false,
      consequence: 'programs refuse it',
      remedy: 'run "crossover tune", or remove the file',
    };
  } catch (error) {
    if (!(error instanceof CrossoverError)) throw error;
    return {
      what,
      found: error.message,
      ok: false,
      consequence: 'programs refuse it',
      remedy: 'run "crossover tune", or remove the file',
    };
  }
}

function describe(findings: readonly Finding[]): string {
  const rows = findings.flatMap(({ ok, what, found, consequence, remedy }) => [
    [ok ? 'ok' : 'NO', what, found],
    ...[consequence, remedy]
      .filter((text) => text !== '')
      .map((text, i) => ['', '', `${i === 0 ? '->' : '  '} ${text}`]),
  ]);
  const columns = [
    { head: '', left: true },
    { head: `crossover ${VERSION}`, left: true },
    { head: '', left: true },
  ];
  return `${formatTable(columns, rows)}\n`;
}
