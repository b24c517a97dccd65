/** @file An engine of which there is no more than a description: what refuses what can be asked without a GPU. */
import type { Engine } from '../../../dist/engine/engine.js';

const MIB = 2 ** 20;

/** GPUs with all that kernels may ask for. */
export function described(size: number): Engine {
  const traits = {
    multiprocessors: 132,
    cacheBytes: 50 * MIB,
    mailboxBytes: 64 * MIB,
    stageBytes: 64 * MIB,
    allToAll: true,
  };
  return { name: 'cuda', group: { size }, traits, missing: () => undefined } as unknown as Engine;
}
