/** @file A program for ranks: serves with a model of each rank's own, and returns what the rank has run. */
import { createHash } from 'node:crypto';
import type { Group } from '../../../dist/group/group.js';
import { parseLengths } from '../../../dist/workload/serve/lengths.js';
import { makeLoad } from '../../../dist/workload/serve/load.js';
import { WALL_CLOCK } from '../../../dist/workload/serve/replay.js';
import type { StepBatch } from '../../../dist/workload/serve/runner.js';
import { serve } from '../../../dist/workload/serve/spmd.js';
import { SimulatedRunner, VOCABULARY } from './simulated.ts';

export interface Ran {
  readonly steps: number;
  /** Of all batches, in order. */
  readonly hash: string;
  readonly requests: number;
}

class Hashing extends SimulatedRunner {
  readonly hash = createHash('sha256');
  failAt = Number.POSITIVE_INFINITY;

  override step(batch: StepBatch): Int32Array {
    for (const part of [batch.ids, batch.positions, batch.rows, batch.tables, batch.samples])
      this.hash.update(new Uint8Array(part.buffer, part.byteOffset, part.byteLength)).update('|');
    if (this.steps.length === this.failAt) throw new Error('out of luck');
    return super.step(batch);
  }
}

export default async function main(group: Group, _args: string[], failing: number): Promise<Ran> {
  const runner = new Hashing({ maxTokens: 24, maxSequences: 4, pageSize: 4, pages: 40, places: 32 });
  if (group.rank === failing) runner.failAt = 5;
  const lengths = parseLengths('uniform:2-20,1-10');
  const requests = makeLoad({ rate: 200, seconds: 0.1, lengths, vocabulary: VOCABULARY, seed: 9 });
  const options = { schedule: 'mixed' as const, vocabulary: VOCABULARY, clock: WALL_CLOCK };
  const times = await serve(group, runner, requests, options);
  // Again, from the start: nothing is left of the first time.
  await serve(group, runner, requests.slice(0, 2), options);
  return { steps: runner.steps.length, hash: runner.hash.digest('hex'), requests: times.length };
}
