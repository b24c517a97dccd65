// Broadcast, push: the root sends its message into the mailboxes of all others. One hop, no fence, any bytes. Specialised by WORLD.
//
// With two halves a sender must know that a slot has been emptied before it fills it again. In all-to-all exchanges it does, since it hears from
// every rank in between (see mailbox.cuh); here only the root has something to say, and the next root may be another rank. So every rank sends
// every other one empty pack a unit, in the slot of lane 0, and waits for theirs. These cross while the root's message is under way and cost no time.
#include "escape.cuh"
#include "bytes.cuh"

// Whether this lane hears from a rank: data from the root, and lane 0 a sign from everyone.
DEVICE bool hears(const Launch& a, u32 rank) { return rank != a.rank && (rank == a.root || lane_id() == 0); }

// Waits for all that this lane hears of a unit; `data` is what the root sent. False when it was given up.
DEVICE bool receive_from_root(const Launch& a, u32 unit, u32 half, Pack& data) {
  const u8* own = a.peers[a.rank];
  Deadline deadline;
  for (;;) {
    Pack box[WORLD];
#pragma unroll
    for (u32 r = 0; r < WORLD; r++)
      if (hears(a, r)) box[r] = load_relaxed(own + slot_offset(UNITS, unit, half, r));
    bool all = true;
#pragma unroll
    for (u32 r = 0; r < WORLD; r++) {
      if (hears(a, r)) all = all && full(box[r]);
      if (r == a.root) data = box[r];
    }
    if (all) return true;
    if (deadline.passed(a, WORLD)) return false;
  }
}

extern "C" __global__ void broadcast_push(const __grid_constant__ Launch a) {
  const u32 warps = gridDim.x * (blockDim.x / 32);
  const u32 start = blockIdx.x * (blockDim.x / 32) + threadIdx.x / 32;
  const u64 bytes = a.count * a.element_bytes;
  const u32 units = units_of(bytes);
  const bool is_root = a.rank == a.root;
  u32* epochs = reinterpret_cast<u32*>(a.peers[a.rank] + EPOCHS_UNITS);
  wait_for_previous_kernel();
  for (u32 unit = start; unit < units; unit += warps) {
    const u32 half = load_volatile(epochs + unit) & 1;
    const u64 at = u64(unit) * PAYLOAD_BYTES + lane_id() * SLOT_BYTES;
    const u64 count = payload_of(unit, bytes);
    Pack sent = {0, 0, 0, 0};
    if (is_root) {
      const Pack mine = load_bytes(a.input + at, count);
      if (a.input != a.output) store_bytes(a.output + at, mine, count);
      sent = escape(mine);
    }
    if (is_root || lane_id() == 0) {
#pragma unroll
      for (u32 i = 1; i < WORLD; i++) store_relaxed(a.peers[rotated(a.rank, i)] + slot_offset(UNITS, unit, half, a.rank), sent);
    }
  }
  release_next_kernel();
  for (u32 unit = start; unit < units; unit += warps) {
    const u32 half = load_volatile(epochs + unit) & 1;
    Pack data = {0, 0, 0, 0};
    if (!__all_sync(WHOLE_WARP, receive_from_root(a, unit, half, data))) return;
    if (!is_root) store_bytes(a.output + u64(unit) * PAYLOAD_BYTES + lane_id() * SLOT_BYTES, unescape(data), payload_of(unit, bytes));
    u8* const own = a.peers[a.rank];
#pragma unroll
    for (u32 r = 0; r < WORLD; r++)
      if (hears(a, r)) store_relaxed(own + slot_offset(UNITS, unit, half, r), Pack{EMPTY_WORD, EMPTY_WORD, EMPTY_WORD, EMPTY_WORD});
    __syncwarp();
    if (lane_id() == 0) epochs[unit] = half ^ 1;
  }
}
