/** @file What a model's collectives are dispatched to at sizes that a plan's choice cannot serve. */
import { expect, test } from 'vitest';
import { algorithmNamed } from '../../../dist/collective/catalog.js';
import type { Communicator } from '../../../dist/collective/communicator.js';
import type { Node } from '../../../dist/graph/ir/graph.js';
import { makePlanEntry } from '../../../dist/plan/entry.js';
import { compilePlan } from '../../../dist/plan/lookup.js';
import { Chooser, type VariantName } from '../../../dist/workload/variants.js';
import { described } from '../../collective/support/described.ts';
import { keyOf } from '../../collective/support/plans.ts';
import { curve, samplePlan } from '../../plan/samples.ts';

const MIB = 2 ** 20;

test.each<VariantName>(['plan', 'unfused'])(
  '%s: a prompt longer than the mailboxes goes to the next best',
  (variant) => {
    const entry = makePlanEntry(keyOf(2, 'all_reduce', { mode: 'replay' }), [
      curve('one_shot_push', { [MIB]: 1, [16 * MIB]: 10 }),
      curve('nccl', { [MIB]: 3, [16 * MIB]: 30 }),
      curve('two_shot_push', { [MIB]: 2, [16 * MIB]: 20 }),
    ]);
    const choose = (request: { operation: 'all_reduce' }, name: string) => ({
      algorithm: algorithmNamed(request.operation, name),
      tunables: {},
    });
    const comm = { worldSize: 2, engine: described(2), choose } as unknown as Communicator;
    const chooser = new Chooser(comm, compilePlan(samplePlan([entry])), variant, 0);
    const at = (bytes: number) =>
      chooser.choose('all_reduce', bytes, 'bf16', undefined, {} as Node, true)?.algorithm.name;
    expect([16, 20, 32, 33].map((mib) => at(mib * MIB))).toEqual([
      'one_shot_push',
      'two_shot_push',
      'two_shot_push',
      'nccl',
    ]);
  },
);
