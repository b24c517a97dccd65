// All-gather, direct: every rank writes its part into every rank's output in place. Nothing is staged, so it needs symmetric buffers. Two
// meetings of a block with its counterparts: before, since peers may still read their outputs; after, when all parts have arrived.
// Specialised by WORLD.
#include "parts.cuh"
#include "signals.cuh"

extern "C" __global__ void all_gather_direct(const __grid_constant__ Launch a) {
  wait_for_previous_kernel();
  u32* const count = block_count(a, FAMILY_ALL_GATHER_DIRECT);
  const u32 before = *count;
  const bool in_place = a.input == a.output;
  u8* const to = a.output + part_offset(a, a.rank);
  // What earlier kernels did is done when a rank comes here; nothing needs to be flushed.
  signal_relaxed(a, FAMILY_ALL_GATHER_DIRECT, WORLD, before + 1);
  if (!await_signals(a, FAMILY_ALL_GATHER_DIRECT, WORLD, before + 1)) return;
  push_run(a, in_place ? to : a.input, to, part_bytes(a, a.rank), !in_place);
  release_next_kernel();
  signal_release(a, FAMILY_ALL_GATHER_DIRECT, WORLD, before + 2);
  if (!await_signals(a, FAMILY_ALL_GATHER_DIRECT, WORLD, before + 2)) return;
  if (threadIdx.x == 0) *count = before + 2;
}
