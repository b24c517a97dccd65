/** Says on every rank that it has started; then rank 0 computes without end, and the others wait for it. */
export default (group) => {
  console.log(`rank ${group.rank} runs`);
  group.barrier();
  if (group.rank === 0) for (;;);
  group.barrier();
};
