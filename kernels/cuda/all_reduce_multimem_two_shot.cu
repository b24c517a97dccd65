// All-reduce, two-shot in the switch, zero copy: rank j loads the sum of slice j of all inputs and stores it to all outputs, one instruction each. The
// links carry the message once in and once out, however many ranks there are. And the same emulated, for tests. Specialised by WORLD, DTYPE, REDUCE.
//
// Needs symmetric buffers. In place is safe: slice j is read by rank j alone, and overwritten by it after that.
#include "multimem.cuh"

constexpr Family FAMILY_MULTIMEM_TWO_SHOT = Family(14);

template <bool EMULATED>
DEVICE void two_shot(const Launch& a) {
  wait_for_previous_kernel();
  u32* const count = block_count(a, FAMILY_MULTIMEM_TWO_SHOT);
  const u32 before = *count;
  const u64 slots = (a.count + ELEMENTS - 1) / ELEMENTS;
  const u64 share = (slots + WORLD - 1) / WORLD;
  const u64 begin = share * a.rank;
  const u64 end = begin + share < slots ? begin + share : slots;
  const u64 input = a.input - a.peers[a.rank];
  const u64 output = a.output - a.peers[a.rank];
  signal_relaxed(a, FAMILY_MULTIMEM_TWO_SHOT, WORLD, before + 1);
  if (!await_signals(a, FAMILY_MULTIMEM_TWO_SHOT, WORLD, before + 1)) return;
  for (u64 slot = begin + u64(blockIdx.x) * blockDim.x + threadIdx.x; slot < end; slot += u64(gridDim.x) * blockDim.x)
    store_to_all<EMULATED>(a, output, slot, a.count, a.aligned, reduced<EMULATED>(a, input, slot, a.count, a.aligned));
  release_next_kernel();
  signal_release(a, FAMILY_MULTIMEM_TWO_SHOT, WORLD, before + 2);
  if (!await_signals(a, FAMILY_MULTIMEM_TWO_SHOT, WORLD, before + 2)) return;
  if (threadIdx.x == 0) *count = before + 2;
}

extern "C" __global__ void __launch_bounds__(512) all_reduce_multimem_two_shot(const __grid_constant__ Launch a) { two_shot<false>(a); }
extern "C" __global__ void __launch_bounds__(512) all_reduce_multimem_two_shot_emulated(const __grid_constant__ Launch a) { two_shot<true>(a); }
