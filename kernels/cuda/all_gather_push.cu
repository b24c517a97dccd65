// All-gather, push: every rank sends its part into the mailboxes of all others. One hop, no fence, no barrier, any bytes. Specialised by WORLD.
//
// A warp sends all of its units before it waits for any, so the links stay busy. Parts may differ in length: all ranks use the units of the
// longest, empty where there is nothing, since a unit has to receive from every peer whenever it is used (see mailbox.cuh).
#include "escape.cuh"
#include "parts.cuh"

extern "C" __global__ void all_gather_push(const __grid_constant__ Launch a) {
  const u32 warps = gridDim.x * (blockDim.x / 32);
  const u32 start = blockIdx.x * (blockDim.x / 32) + threadIdx.x / 32;
  const u32 units = units_of(largest_part(a));
  u32* epochs = reinterpret_cast<u32*>(a.peers[a.rank] + EPOCHS_UNITS);
  const bool in_place = a.input == a.output;
  const u64 own = part_bytes(a, a.rank);
  const u8* const from = in_place ? a.output + part_offset(a, a.rank) : a.input;
  wait_for_previous_kernel();
  for (u32 unit = start; unit < units; unit += warps) {
    const u32 half = load_volatile(epochs + unit) & 1;
    const u64 at = u64(unit) * PAYLOAD_BYTES + lane_id() * SLOT_BYTES;
    const u64 count = payload_of(unit, own);
    const Pack mine = load_bytes(from + at, count);
    const Pack sent = escape(mine);
#pragma unroll
    for (u32 i = 1; i < WORLD; i++) store_relaxed(a.peers[rotated(a.rank, i)] + slot_offset(UNITS, unit, half, a.rank), sent);
    if (!in_place) store_bytes(a.output + part_offset(a, a.rank) + at, mine, count);
  }
  release_next_kernel();
  for (u32 unit = start; unit < units; unit += warps) {
    const u32 half = load_volatile(epochs + unit) & 1;
    Pack box[WORLD];
    if (!__all_sync(WHOLE_WARP, receive(a, UNITS, unit, half, box))) return;
    const u64 at = u64(unit) * PAYLOAD_BYTES + lane_id() * SLOT_BYTES;
#pragma unroll
    for (u32 r = 0; r < WORLD; r++)
      if (r != a.rank) store_bytes(a.output + part_offset(a, r) + at, unescape(box[r]), payload_of(unit, part_bytes(a, r)));
    rearm(a, UNITS, unit, half);
    __syncwarp();
    if (lane_id() == 0) epochs[unit] = half ^ 1;
  }
}
