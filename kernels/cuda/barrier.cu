// All ranks meet: what came before on every rank has finished when it ends. Benchmarks start their clocks behind it.
#include "signals.cuh"

#ifndef WORLD
#define WORLD 4
#endif

extern "C" __global__ void barrier(const __grid_constant__ Launch a) {
  wait_for_previous_kernel();
  u32* const count = block_count(a, FAMILY_BARRIER);
  const u32 now = *count + 1;
  signal_release(a, FAMILY_BARRIER, WORLD, now);
  if (!await_signals(a, FAMILY_BARRIER, WORLD, now)) return;
  if (threadIdx.x == 0) *count = now;
}
