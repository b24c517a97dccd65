/** @file A program for ranks: what a real model generates for the same requests, one at a time and together. */
import type { Group } from '../../../dist/group/group.js';
import { presetNamed } from '../../../dist/workload/models/presets.js';
import { createRunner } from '../../../dist/workload/serve/create-runner.js';
import { parseLengths } from '../../../dist/workload/serve/lengths.js';
import { makeLoad } from '../../../dist/workload/serve/load.js';
import { generate, type Most } from '../support/serving.ts';

export interface Generated {
  readonly alone: number[][];
  readonly together: number[][];
  readonly mixed: number[][];
  /** The most tokens and sequences of a step when all run together. */
  readonly most: Readonly<Most>;
}

export default async function main(group: Group, _args: string[], model: string): Promise<Generated> {
  const config = { ...presetNamed(model), layers: 2 };
  const runners = await createRunner(
    group,
    {
      session: {
        config,
        capacity: { sequences: 6, places: 40, pageSize: 8, tokens: 24, samples: 5 },
        engine: 'cpu',
        tunedTokens: 0,
      },
      rates: [1],
      seconds: 1,
      prompt: 'sonnet',
      seed: 0,
      variants: ['fused'],
      capBytes: 0,
      schedule: 'mixed',
      progress: false,
    },
    () => {},
  );
  const runner = await runners.runner('fused');
  const requests = makeLoad({
    rate: 8,
    seconds: 1,
    lengths: parseLengths('uniform:3-30,1-9'),
    vocabulary: runners.vocabulary,
    seed: 2,
  });
  const most = { tokens: 0, samples: 0 };
  const result = {
    alone: requests.flatMap((one) => generate(runner, [one], 'prompts-first')),
    together: generate(runner, requests, 'prompts-first', most),
    mixed: generate(runner, requests, 'mixed', most),
    most,
  };
  runners.close();
  return result;
}
