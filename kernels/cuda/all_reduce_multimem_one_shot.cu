// All-reduce, one-shot in the switch: every rank puts its input into its stage, and loads the sum of all stages. And the same emulated, for tests.
// Specialised by WORLD, DTYPE, REDUCE.
//
// The second meeting is for whatever uses the stages next. In place is safe, since peers read stages only.
#include "multimem.cuh"

constexpr Family FAMILY_MULTIMEM_ONE_SHOT = Family(13);

template <bool EMULATED>
DEVICE void one_shot(const Launch& a) {
  wait_for_previous_kernel();
  u32* const count = block_count(a, FAMILY_MULTIMEM_ONE_SHOT);
  const u32 before = *count;
  const u64 slots = (a.count + ELEMENTS - 1) / ELEMENTS;
  const u64 stride = u64(gridDim.x) * blockDim.x;
  const u64 first = u64(blockIdx.x) * blockDim.x + threadIdx.x;
  // Whole packs in the stage, the last filled up with zeros, wherever the input lies.
  for (u64 slot = first; slot < slots; slot += stride) store_relaxed(a.peers[a.rank] + STAGE + slot * 16, load_slot(a.input, slot, a.count, a.aligned));
  signal_release(a, FAMILY_MULTIMEM_ONE_SHOT, WORLD, before + 1);
  if (!await_signals(a, FAMILY_MULTIMEM_ONE_SHOT, WORLD, before + 1)) return;
  for (u64 slot = first; slot < slots; slot += stride)
    store_slot(a.output, slot, a.count, a.aligned, reduced<EMULATED>(a, STAGE, slot, slots * ELEMENTS, true));
  release_next_kernel();
  signal_release(a, FAMILY_MULTIMEM_ONE_SHOT, WORLD, before + 2);
  if (!await_signals(a, FAMILY_MULTIMEM_ONE_SHOT, WORLD, before + 2)) return;
  if (threadIdx.x == 0) *count = before + 2;
}

extern "C" __global__ void __launch_bounds__(512) all_reduce_multimem_one_shot(const __grid_constant__ Launch a) { one_shot<false>(a); }
extern "C" __global__ void __launch_bounds__(512) all_reduce_multimem_one_shot_emulated(const __grid_constant__ Launch a) { one_shot<true>(a); }
