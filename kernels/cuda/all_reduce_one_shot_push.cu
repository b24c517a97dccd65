// All-reduce, one-shot push: every rank sends its whole message to every other, and sums what it gets. One hop, no fence, no barrier:
// (N-1) times the bytes leave each device. Specialised by WORLD, DTYPE, REDUCE.
//
// A warp does a unit at a time and depends on no other warp: it reads the unit's epoch together with the input, sends, waits, sums, and
// empties its slots.
#include "mailbox.cuh"
#include "number.cuh"

extern "C" __global__ void all_reduce_one_shot_push(const __grid_constant__ Launch a) {
  const u32 warps = gridDim.x * (blockDim.x / 32);
  const u64 slots = (a.count + ELEMENTS - 1) / ELEMENTS;
  const u32 units = u32((slots + UNIT_SLOTS - 1) / UNIT_SLOTS);
  u32* epochs = reinterpret_cast<u32*>(a.peers[a.rank] + EPOCHS_ONE_SHOT);
  wait_for_previous_kernel();
  for (u32 unit = blockIdx.x * (blockDim.x / 32) + threadIdx.x / 32; unit < units; unit += warps) {
    const u64 slot = u64(unit) * UNIT_SLOTS + lane_id();
    const u32 half = load_volatile(epochs + unit) & 1;
    const Pack mine = load_slot(a.input, slot, a.count, a.aligned);
    const Pack sent = sendable(mine);
#pragma unroll
    for (u32 i = 1; i < WORLD; i++) {
      u32 peer = a.rank + i < WORLD ? a.rank + i : a.rank + i - WORLD;
      store_relaxed(a.peers[peer] + slot_offset(ONE_SHOT, unit, half, a.rank), sent);
    }
    if (unit + warps >= units) release_next_kernel();
    Pack box[WORLD];
    if (!receive(a, ONE_SHOT, unit, half, box)) return;
    Values sum = widen(a.rank == 0 ? mine : box[0]);
#pragma unroll
    for (u32 r = 1; r < WORLD; r++) accumulate(sum, r == a.rank ? mine : box[r]);
    finish(sum, WORLD);
    store_slot(a.output, slot, a.count, a.aligned, narrow(sum));
    rearm(a, ONE_SHOT, unit, half);
    __syncwarp();
    if (lane_id() == 0) epochs[unit] = half ^ 1;
  }
}
