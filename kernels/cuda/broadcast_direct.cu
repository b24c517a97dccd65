// Broadcast, direct: the root writes its message into every rank's output in place. Nothing is staged, so it needs symmetric buffers.
// Specialised by WORLD.
//
// A block waits for its counterparts once: the root's before it writes, the others' until it has written. The root ends without an answer; that
// is safe because flags are counts, which a rank that runs ahead only raises.
#include "bytes.cuh"
#include "signals.cuh"

extern "C" __global__ void broadcast_direct(const __grid_constant__ Launch a) {
  wait_for_previous_kernel();
  u32* const count = block_count(a, FAMILY_BROADCAST_DIRECT);
  const u32 now = *count + 1;
  if (a.rank == a.root) {
    if (!await_signals(a, FAMILY_BROADCAST_DIRECT, WORLD, now)) return;
    push_run(a, a.input, a.output, a.count * a.element_bytes, a.input != a.output);
    release_next_kernel();
    signal_release(a, FAMILY_BROADCAST_DIRECT, WORLD, now);
  } else {
    signal_relaxed(a, FAMILY_BROADCAST_DIRECT, WORLD, now);
    release_next_kernel();
    if (!await_signals(a, FAMILY_BROADCAST_DIRECT, WORLD, now)) return;
  }
  if (threadIdx.x == 0) *count = now;
}
