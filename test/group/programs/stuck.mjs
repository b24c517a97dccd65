/** Rank 1 opens a named pipe that nobody writes to: a system call that does not return. */
import { openSync } from 'node:fs';

export default (group, [pipe]) => {
  group.barrier();
  if (group.rank === 1) openSync(pipe);
  group.barrier();
};
