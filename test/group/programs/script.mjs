/** Runs a list of steps on every rank and returns what they gave. */
export default async (group, _args, steps) => {
  const results = [];
  for (const step of steps) {
    if (step.kind === 'barrier') group.barrier();
    else if (step.kind === 'pause') await new Promise((done) => setTimeout(done, Math.random()));
    else if (step.kind === 'share') group.broadcast(new SharedArrayBuffer(4));
    else if (step.kind === 'gather') results.push(group.gather([group.rank, step.value]));
    else {
      const root = step.root % group.size;
      results.push(group.broadcast(group.rank === root ? step.value : 'wrong', root));
    }
  }
  return results;
};
