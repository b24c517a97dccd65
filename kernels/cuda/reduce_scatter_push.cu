// Reduce-scatter, push: every rank sends each part to the rank that keeps it, which sums what it gets. One hop, no fence, no barrier.
// Specialised by WORLD, DTYPE, REDUCE.
//
// A warp sends all of its units before it waits for any. Parts may differ in length: all ranks use the units of the longest, empty where
// there is nothing, since a unit has to receive from every peer whenever it is used (see mailbox.cuh).
#include "mailbox.cuh"
#include "number.cuh"
#include "parts.cuh"

struct Part {
  u64 begin;
  // Elements.
  u64 count;
};
DEVICE Part part_of(const Launch& a, u32 rank) { return {a.part[rank] * ELEMENT_BYTES, a.part[rank + 1] - a.part[rank]}; }

extern "C" __global__ void reduce_scatter_push(const __grid_constant__ Launch a) {
  const u32 warps = gridDim.x * (blockDim.x / 32);
  const u32 start = blockIdx.x * (blockDim.x / 32) + threadIdx.x / 32;
  const u32 units = u32((largest_part(a) + UNIT_BYTES - 1) / UNIT_BYTES);
  u32* epochs = reinterpret_cast<u32*>(a.peers[a.rank] + EPOCHS_UNITS);
  wait_for_previous_kernel();
  for (u32 unit = start; unit < units; unit += warps) {
    const u32 half = load_volatile(epochs + unit) & 1;
    const u64 slot = u64(unit) * UNIT_SLOTS + lane_id();
#pragma unroll
    for (u32 i = 1; i < WORLD; i++) {
      const u32 owner = rotated(a.rank, i);
      const Part part = part_of(a, owner);
      const Pack p = load_slot(a.input + part.begin, slot, part.count, is_aligned(a.input + part.begin));
      store_relaxed(a.peers[owner] + slot_offset(UNITS, unit, half, a.rank), sendable(p));
    }
  }
  release_next_kernel();
  const Part own = part_of(a, a.rank);
  const u8* const from = a.input + own.begin;
  u8* const to = a.input == a.output ? a.output + own.begin : a.output;
  for (u32 unit = start; unit < units; unit += warps) {
    const u32 half = load_volatile(epochs + unit) & 1;
    const u64 slot = u64(unit) * UNIT_SLOTS + lane_id();
    const Pack mine = load_slot(from, slot, own.count, is_aligned(from));
    Pack box[WORLD];
    if (!receive(a, UNITS, unit, half, box)) return;
    Values sum = widen(a.rank == 0 ? mine : box[0]);
#pragma unroll
    for (u32 r = 1; r < WORLD; r++) accumulate(sum, r == a.rank ? mine : box[r]);
    finish(sum, WORLD);
    store_slot(to, slot, own.count, is_aligned(to), narrow(sum));
    rearm(a, UNITS, unit, half);
    __syncwarp();
    if (lane_id() == 0) epochs[unit] = half ^ 1;
  }
}
