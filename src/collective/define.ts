/**
 * @file Makes descriptors of algorithms that are one kernel each, with or without settings.
 */
import type { Engine } from '../engine/engine.ts';
import { type Algorithm, NO_TUNABLES, type Request, type Tunables } from './algorithm.ts';
import { chunkTunables, stagedBytes } from './staging.ts';

type Described = Pick<
  Algorithm,
  'operation' | 'name' | 'summary' | 'source' | 'bits' | 'symmetric' | 'refuses'
>;

const NONE = [NO_TUNABLES] as const;

/** An algorithm that is the kernel `<operation>_<name>`; its tunables are `chunk_bytes`, `blocks` and `threads`, or some of them. */
export function singleKernel(
  described: Described,
  tunables: (request: Request, engine: Engine) => readonly Tunables[] = () => NONE,
): Algorithm {
  const kernel = `${described.operation}_${described.name}`;
  return {
    ...described,
    kernels: [kernel],
    tunables,
    enqueue(engine, launch, { chunk_bytes = 0, blocks = 0, threads = 0 }) {
      launch.kernel = kernel;
      launch.chunkBytes = chunk_bytes;
      launch.blocks = blocks;
      launch.threads = threads;
      engine.enqueue(launch);
    },
  };
}

/** The same, for a kernel that stages its input `chunk_bytes` at a time. */
export function stagedKernel(described: Described): Algorithm {
  return singleKernel(described, (request) => chunkTunables(stagedBytes(request)));
}
