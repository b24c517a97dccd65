import { expect, it } from 'vitest';
import type { Communicator } from '../../../dist/collective/communicator.js';
import { checkpointWeights } from '../../../dist/workload/session/fill.js';
import { Checkpoint } from '../../../dist/workload/weights/checkpoint.js';
import { weightPlan } from '../../../dist/workload/weights/plan.js';
import { CONFIGS, files, randomTensors, withFolder } from '../models/support/checkpoint.ts';

it('tells the watchdog of every piece of a checkpoint that was read', () => {
  withFolder(files(CONFIGS.llama, randomTensors(CONFIGS.llama)), (folder) => {
    const checkpoint = new Checkpoint(folder);
    const seen: string[] = [];
    const engine = { write: () => seen.push('written') };
    const group = { leave: () => seen.push('told') };
    const fill = checkpointWeights({ engine, group } as unknown as Communicator, checkpoint);
    const plan = weightPlan(checkpoint.config, { worldSize: 1, rank: 0, places: 4 });
    for (const weight of plan) fill(weight, 0);
    checkpoint.close();
    expect(seen.length).toBeGreaterThanOrEqual(2 * plan.length);
    expect(seen).toEqual(seen.map((_, i) => (i % 2 === 0 ? 'written' : 'told')));
  });
});
