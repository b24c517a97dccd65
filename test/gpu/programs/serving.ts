/** @file Small models through continuous batching with all variants whose collectives sum in rank order: the same steps, so the same tokens. */
import type { Group } from '../../../dist/group/group.js';
import { presetNamed } from '../../../dist/workload/models/presets.js';
import { createRunner } from '../../../dist/workload/serve/create-runner.js';
import { parseLengths } from '../../../dist/workload/serve/lengths.js';
import { makeLoad } from '../../../dist/workload/serve/load.js';
import { SCHEDULES } from '../../../dist/workload/serve/scheduler.js';
import type { VariantName } from '../../../dist/workload/variants.js';
import type { ProgramData } from '../../collective/support/engines.ts';
import type { Report } from '../../collective/support/session.ts';
import { generate } from '../../workload/support/serving.ts';

export interface ServingOptions {
  readonly models: readonly string[];
  readonly requests: number;
}

const VARIANTS: readonly VariantName[] = ['unfused', 'fused', 'plan'];
const SEQUENCES = 24;
const PLACES = 320;

export default async function serving(
  group: Group,
  _args: string[],
  { engine, options }: ProgramData<ServingOptions>,
): Promise<Report> {
  const problems: string[] = [];
  let cases = 0;
  for (const model of options.models) {
    const config = presetNamed(model);
    const capacity = {
      sequences: SEQUENCES + 1,
      places: PLACES,
      pageSize: 16,
      tokens: 256,
      samples: SEQUENCES,
    };
    const runners = await createRunner(
      group,
      {
        session: { config, capacity, engine, tunedTokens: capacity.tokens },
        rates: [1],
        seconds: 1,
        prompt: 'sonnet',
        seed: 0,
        variants: VARIANTS,
        capBytes: 0,
        schedule: 'mixed',
        progress: false,
      },
      () => {},
    );
    const lengths = parseLengths(`uniform:1-${PLACES - 40},1-40`);
    const { vocabulary } = runners;
    const requests = makeLoad({ rate: options.requests, seconds: 1, lengths, vocabulary, seed: 5 });
    for (const schedule of SCHEDULES) {
      const all: string[] = [];
      for (const variant of VARIANTS) {
        const tokens = generate(await runners.runner(variant), requests, schedule);
        const distinct = new Set(tokens.flat()).size;
        if (distinct < 10)
          problems.push(`${model}, ${schedule}, ${variant}: ${distinct} different tokens in all`);
        all.push(...new Set(group.gather(JSON.stringify(tokens))));
        cases += tokens.length;
      }
      if (new Set(all).size !== 1)
        problems.push(`${model}, ${schedule}: ${new Set(all).size} different sets of tokens`);
    }
    runners.close();
  }
  return { cases, problems };
}
