/** Writes more than a pipe holds, without ever turning the event loop. */
export default (group) => {
  for (let i = 0; i < 200; i++) console.log(`${group.rank}: ${i} ${'-'.repeat(2000)}`);
};
