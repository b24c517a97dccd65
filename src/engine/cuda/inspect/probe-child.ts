/**
 * @file What runs in the process of a probe: `probe-child.js <part> <request as JSON>`. See probe.ts for what it sends.
 */
import { CrossoverError } from '../../../errors.ts';
import type { PeersRequest } from './peers.ts';
import type { ProbeMessage } from './probe.ts';
import type { Progress } from './progress.ts';

const send = (message: ProbeMessage): void => {
  process.send?.(message);
};
const progress: Progress = { at: (at) => send({ at }), partial: (partial) => send({ partial }) };

/** Modules are loaded by the part that needs them: a probe must not fail over a library that it does not ask for. */
async function run(part: string, request: unknown): Promise<unknown> {
  progress.at(`loading ${part}`);
  switch (part) {
    case 'devices':
      return (await import('./devices.ts')).inspectDevices();
    case 'management':
      return (await import('./management.ts')).inspectManagement();
    case 'nvrtc':
      return (await import('./versions.ts')).nvrtcVersion();
    case 'nccl':
      return (await import('./versions.ts')).ncclVersion();
    case 'cublaslt':
      return (await import('./versions.ts')).cublasLtVersion();
    case 'peers':
      return (await import('./peers.ts')).probePeers(request as PeersRequest, progress);
    default:
      throw new CrossoverError(`there is no probe "${part}"`);
  }
}

const [part = '', request = 'null'] = process.argv.slice(2);
let last: ProbeMessage;
try {
  last = { result: await run(part, JSON.parse(request)) };
} catch (error) {
  last = {
    error: error instanceof CrossoverError ? error.message : String((error as Error).stack ?? error),
  };
}
// Contexts and memory go with the process; waiting for threads of libraries is what could hang here.
process.send?.(last, () => process.exit(0));
