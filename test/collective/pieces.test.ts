/**
 * @file Plans reach sizes that were not measured. Whatever a plan says, what runs is something that serves the size; and it is the plan's choice
 * wherever that does. The engine here is a description of one: nothing runs.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { refusal } from '../../dist/collective/algorithm.js';
import { algorithmsOf } from '../../dist/collective/catalog.js';
import { Dispatcher } from '../../dist/collective/dispatch.js';
import { OPERATIONS, type Operation } from '../../dist/operations.js';
import type { PlanKey } from '../../dist/plan/key.js';
import { compilePlan } from '../../dist/plan/lookup.js';
import type { PlanEntry } from '../../dist/plan/plan.js';
import { dtypeCode } from '../../dist/tensor/dtype.js';
import { curve, samplePlan } from '../plan/samples.ts';
import { described } from './support/described.ts';
import { entryOf, keyOf } from './support/plans.ts';

const MIB = 2 ** 20;

function chooser(entry: PlanEntry): (bytes: number) => string {
  const { key } = entry;
  const plan = compilePlan(samplePlan([entry]));
  const dispatcher = new Dispatcher(described(key.worldSize), plan, () => {});
  const code = OPERATIONS.indexOf(key.operation);
  return (bytes) =>
    dispatcher.select(code, dtypeCode('bf16'), 0, 0, key.hidden ?? 0, bytes, false).algorithm.name;
}

const serves = (key: PlanKey, name: string, bytes: number): boolean => {
  const algorithm = algorithmsOf(key.operation).find((one) => one.name === name)!;
  return refusal(algorithm, { ...key, bytes }, described(key.worldSize)) === undefined;
};

const measured = (algorithm: string, us: number) => curve(algorithm, { 1024: us, [MIB]: us * 100 });

test('beyond the sweep, where the mailboxes end, the next best takes over, and then the next', () => {
  const entry = {
    ...entryOf(keyOf(2, 'all_reduce'), [[0, 'one_shot_push']]),
    candidates: [measured('nccl', 9), measured('two_shot_push', 2), measured('one_shot_push', 1)],
  };
  const choose = chooser(entry);
  expect(choose(16 * MIB)).toBe('one_shot_push');
  expect(choose(16 * MIB + 2)).toBe('two_shot_push');
  expect(choose(32 * MIB)).toBe('two_shot_push');
  expect(choose(32 * MIB + 2)).toBe('nccl');
  expect(choose(2 ** 40)).toBe('nccl');
  // Without curves there is nothing but what serves every size.
  expect(chooser({ ...entry, candidates: [] })(16 * MIB + 2)).toBe('two_shot');
});

test('a choice that cannot serve the smallest sizes of its range serves the others', () => {
  const choose = chooser(entryOf(keyOf(4, 'all_reduce'), [[0, 'two_shot_staged']]));
  expect(choose(2 * MIB - 2)).toBe('two_shot');
  expect(choose(2 * MIB)).toBe('two_shot_staged');
  expect(choose(2 ** 40)).toBe('two_shot_staged');
});

test('random plans: what runs serves the size, and is the choice of the plan wherever that serves it', () => {
  const names = (operation: Operation) =>
    algorithmsOf(operation)
      .filter(({ name, lossy }) => !lossy && !name.startsWith('multimem'))
      .map(({ name }) => name);
  const entries = fc
    .constantFrom<Operation>('all_reduce', 'all_gather', 'broadcast', 'all_reduce_rms_norm')
    .chain((operation) =>
      fc
        .record({
          ranks: fc.constantFrom(2, 4, 8),
          cuts: fc.uniqueArray(fc.integer({ min: 1, max: 2 ** 28 }), { maxLength: 4 }),
          choices: fc.array(fc.constantFrom(...names(operation)), { minLength: 5, maxLength: 5 }),
          curves: fc.uniqueArray(fc.constantFrom(...names(operation)), { maxLength: 3 }),
        })
        .map(({ ranks, cuts, choices, curves }) => {
          const rows = operation === 'all_reduce_rms_norm' ? { hidden: 4096 } : {};
          const starts = [0, ...cuts.sort((a, b) => a - b)];
          const entry = entryOf(
            keyOf(ranks, operation, rows),
            starts.map((from, i) => [from, choices[i]!] as const),
          );
          return { ...entry, candidates: curves.map((name, i) => measured(name, i + 1)) };
        }),
    );
  fc.assert(
    fc.property(
      entries,
      fc.array(fc.integer({ min: 0, max: 2 ** 30 }), { maxLength: 20 }),
      (entry, sizes) => {
        const choose = chooser(entry);
        const edges = entry.ranges.flatMap(({ from }) => [from, Math.max(0, from - 1)]);
        for (const bytes of [...sizes, ...edges]) {
          const planned = entry.ranges.findLast(({ from }) => from <= bytes)!.algorithm;
          const chosen = choose(bytes);
          expect(serves(entry.key, chosen, bytes), `${chosen} at ${bytes}`).toBe(true);
          if (serves(entry.key, planned, bytes)) expect(chosen, `at ${bytes}`).toBe(planned);
        }
      },
    ),
    { numRuns: 100 },
  );
});
