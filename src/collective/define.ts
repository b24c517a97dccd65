/**
 * @file Makes descriptors of algorithms that are one kernel each, with or without staging.
 */
import { type Algorithm, NO_TUNABLES } from './algorithm.ts';
import { chunkTunables, stagedBytes } from './staging.ts';

type Described = Pick<Algorithm, 'operation' | 'name' | 'summary' | 'source' | 'bits' | 'refuses'>;

const NONE = [NO_TUNABLES] as const;

/** An algorithm that is the kernel `<operation>_<name>` and has nothing to tune. */
export function singleKernel(described: Described): Algorithm {
  const kernel = `${described.operation}_${described.name}`;
  return {
    ...described,
    kernels: [kernel],
    tunables: () => NONE,
    enqueue(engine, launch) {
      launch.kernel = kernel;
      engine.enqueue(launch);
    },
  };
}

/** The same, for a kernel that stages its input `chunk_bytes` at a time. */
export function stagedKernel(described: Described): Algorithm {
  const kernel = `${described.operation}_${described.name}`;
  return {
    ...described,
    kernels: [kernel],
    tunables: (request) => chunkTunables(stagedBytes(request)),
    enqueue(engine, launch, tunables) {
      launch.kernel = kernel;
      launch.chunkBytes = tunables.chunk_bytes!;
      engine.enqueue(launch);
    },
  };
}
