// Reduce-scatter, direct: every rank reads its part of all inputs in place and keeps the reduction. Nothing is staged, so it needs symmetric
// buffers. Two meetings of a block with its counterparts: before, since peers may not have written their inputs yet; after, when all
// have been read. Specialised by WORLD, DTYPE, REDUCE.
//
// In place it is safe: nobody else reads the part of a rank's input that it overwrites.
#include "parts.cuh"
#include "pull.cuh"
#include "signals.cuh"

extern "C" __global__ void reduce_scatter_direct(const __grid_constant__ Launch a) {
  wait_for_previous_kernel();
  u32* const count = block_count(a, FAMILY_REDUCE_SCATTER_DIRECT);
  const u32 before = *count;
  const u64 begin = part_offset(a, a.rank);
  // Inputs were written by kernels that had ended when a rank comes here; nothing needs to be flushed.
  signal_relaxed(a, FAMILY_REDUCE_SCATTER_DIRECT, WORLD, before + 1);
  if (!await_signals(a, FAMILY_REDUCE_SCATTER_DIRECT, WORLD, before + 1)) return;
  pull_run(a, a.input + begin, a.input == a.output ? a.output + begin : a.output, 0, a.part[a.rank + 1] - a.part[a.rank]);
  release_next_kernel();
  // Peers get nothing from here but leave to overwrite what was read, and a load whose value has been used is over: no fence.
  __syncthreads();
  signal_relaxed(a, FAMILY_REDUCE_SCATTER_DIRECT, WORLD, before + 2);
  if (!await_signals(a, FAMILY_REDUCE_SCATTER_DIRECT, WORLD, before + 2)) return;
  if (threadIdx.x == 0) *count = before + 2;
}
