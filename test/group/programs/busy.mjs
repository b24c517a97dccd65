/** Says on every rank that it has started, then computes without end. */
export default (group) => {
  console.log(`rank ${group.rank} of ${group.size} runs`);
  group.barrier();
  for (;;);
};
