/** @file The tuner on every rank; each returns its own result, to be compared. */
import { createCommunicator } from '../../../dist/collective/create.js';
import type { Group } from '../../../dist/group/group.js';
import type { TuneRequest } from '../../../dist/tune/request.js';
import { type TuneResult, tune } from '../../../dist/tune/tune.js';

export default function main(group: Group, _args: string[], request: TuneRequest): TuneResult {
  const comm = createCommunicator(group, { arenaBytes: 16 << 20, plan: null });
  try {
    return tune(comm, request, () => {});
  } finally {
    comm.close();
  }
}
