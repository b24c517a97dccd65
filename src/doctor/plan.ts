/**
 * @file The plan that programs here would follow, and whether they would.
 */
import { existsSync } from 'node:fs';
import { fingerprintHere, fingerprintLike } from '../collective/engines.ts';
import { CrossoverError } from '../errors.ts';
import { defaultPlanPath, loadPlan } from '../plan/file.ts';
import { fingerprintDifferences } from '../plan/fingerprint.ts';
import type { Finding } from './finding.ts';

const about = { section: 'plan', what: 'plan' } as const;
const refused = {
  ...about,
  ok: false,
  consequence: 'programs refuse it',
  remedy: 'run "crossover tune", or remove the file',
} as const;

/** `gpus` false: there are none that work, and a driver that crashed its probe is not loaded here. */
export function planFinding(gpus: boolean): Finding {
  const path = defaultPlanPath();
  if (!existsSync(path) && process.env.CROSSOVER_PLAN) {
    return {
      ...about,
      found: `no ${path}, which $CROSSOVER_PLAN names`,
      ok: false,
      consequence: 'programs refuse to start',
      remedy: 'run "crossover tune", which writes it, or unset CROSSOVER_PLAN',
    };
  }
  if (!existsSync(path)) {
    return {
      ...about,
      found: `no ${path}`,
      ok: true,
      consequence: 'collectives use untuned defaults',
      remedy: 'run "crossover tune"',
    };
  }
  try {
    const plan = loadPlan(path, { force: true });
    const differences = fingerprintDifferences(
      plan.fingerprint,
      gpus ? fingerprintLike(plan.fingerprint) : fingerprintHere('cpu'),
    );
    if (differences.length === 0)
      return { ...about, found: path, ok: true, consequence: 'collectives follow it', remedy: '' };
    return { ...refused, found: `${path}, from elsewhere: ${differences.join('; ')}` };
  } catch (error) {
    if (!(error instanceof CrossoverError)) throw error;
    return { ...refused, found: error.message };
  }
}
