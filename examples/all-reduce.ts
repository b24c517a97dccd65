/**
 * @file All-reduce by a plan: a size at a time, which algorithm the plan chooses, why, and that the sum is right.
 *
 *   $ crossover tune --operations all_reduce --dtype bf16 --seconds 10 --ranks 2
 *   $ crossover run examples/all-reduce.ts --ranks 2
 *
 * Without a plan it works as well, untuned, and says so.
 */
import {
  type Communicator,
  CrossoverError,
  createCommunicator,
  formatExplanation,
  type Group,
} from 'crossover';

export default function main(group: Group): void {
  // Follows $CROSSOVER_PLAN or ./crossover-plan.json; refuses it when it was measured on another host.
  const comm = createCommunicator(group);
  const sum = (group.size * (group.size + 1)) / 2;

  for (const bytes of [4 << 10, 256 << 10, 4 << 20]) {
    // All ranks allocate in the same order: the tensor lies at the same place in everybody's memory.
    const x = comm.empty('bf16', [bytes / 2]);
    x.write(new Float64Array(x.count).fill(group.rank + 1));
    comm.allReduce(x);
    const wrong = x.read().findIndex((value) => value !== sum);
    if (wrong >= 0) throw new Error(`rank ${group.rank}: element ${wrong} of ${x.count} is not ${sum}`);
    x.free();

    if (group.rank === 0) {
      console.log(`${bytes} bytes: every element is ${sum} on every rank\n  ${why(comm, bytes)}`);
    }
  }
  comm.close();
}

function why(comm: Communicator, bytes: number): string {
  try {
    return formatExplanation(comm.explain('all_reduce', bytes)).replaceAll('\n', '\n  ');
  } catch (error) {
    // No plan, or none for so many ranks: the message says which.
    if (error instanceof CrossoverError) return error.message;
    throw error;
  }
}
