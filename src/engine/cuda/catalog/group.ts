/** @file What is no collective: the meeting of all ranks, and nothing at all. */
import type { GridShape, Kernel } from './kernel.ts';

/** A thread a peer does something. */
function oneWarp(): GridShape {
  return { grid: 1, block: 32, sharedBytes: 0 };
}

export const GROUP: Readonly<Record<string, Kernel>> = {
  barrier: { source: 'barrier.cu', by: ['world'], shape: oneWarp },
  noop: { source: 'noop.cu', by: [], shape: oneWarp },
};
