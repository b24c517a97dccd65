/** @file Small models through all variants of decoding: equal tokens where collectives sum in rank order. */
import type { Group } from '../../../dist/group/group.js';
import decode from '../../../dist/workload/decode/program.js';
import { wayNames } from '../../../dist/workload/decode/ways.js';
import { withLayers } from '../../../dist/workload/models/config.js';
import { presetNamed } from '../../../dist/workload/models/presets.js';
import type { ProgramData } from '../../collective/support/engines.ts';
import type { Report } from '../../collective/support/session.ts';

export interface DecodingOptions {
  readonly models: readonly {
    readonly name: string;
    readonly layers?: number;
    readonly attention?: 'data';
    readonly precision?: 'f8e4m3';
  }[];
  readonly batches: readonly number[];
  readonly steps: number;
}

const PROMPT = 40;

export default function decoding(
  group: Group,
  _args: string[],
  { engine, options }: ProgramData<DecodingOptions>,
): Report {
  const { batches, steps } = options;
  const problems: string[] = [];
  let cases = 0;
  for (const { name, layers, attention = 'tensor', precision } of options.models) {
    const whole = presetNamed(name);
    const config = withLayers(whole, layers ?? whole.layers);
    const most = Math.max(...batches);
    const outcome = decode(group, [], {
      session: {
        config,
        engine,
        attention,
        precision,
        experts: attention === 'data' ? 'expert' : 'tensor',
        capacity: {
          sequences: most + 1,
          places: PROMPT + steps + 1,
          pageSize: 16,
          tokens: Math.max(most, 4 * PROMPT),
          samples: most,
        },
        tunedTokens: most,
      },
      batches,
      variants: wayNames(attention).filter((variant) => variant !== 'fused-cap'),
      capBytes: 0,
      promptTokens: PROMPT,
      steps,
      rounds: 6,
      seed: 1,
      progress: false,
    });
    const label = `${name}, ${precision ?? 'bf16'}, ${attention}`;
    for (const batch of outcome === undefined ? [] : batches) {
      const all = outcome!.rows.filter((row) => row.batch === batch && row.rankOrder);
      cases += all.length;
      if (all.length === 0) problems.push(`${label}, batch ${batch}: no variant sums in rank order`);
      // Products of other layouts may round otherwise.
      for (const layout of new Set(all.map((row) => row.layout))) {
        const rows = all.filter((row) => row.layout === layout);
        if (new Set(rows.map(({ tokensHash }) => tokensHash)).size !== 1)
          problems.push(
            `${label}, batch ${batch}: ${rows.map(({ variant, tokensHash }) => `${variant} ${tokensHash}`).join(', ')}`,
          );
      }
    }
  }
  return { cases, problems };
}
