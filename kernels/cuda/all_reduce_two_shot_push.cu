// All-reduce, two-shot push: every rank sends slice j of its message to rank j, which sums it and sends the sum to every rank. Two hops,
// no fence, no barrier: 2(N-1)/N times the bytes leave each device. Specialised by WORLD, DTYPE, REDUCE.
//
// The message is dealt out unit by unit: rank j owns every N-th unit. A warp takes N neighbouring units, a *row*, through both hops. It sends the first
// hop of all its rows before it waits for anything, so that the links are never idle while it waits.
//
// Why two halves of a mailbox suffice in the second hop, where a rank receives from an owner and answers nothing: an owner sends its sum of
// call c + 2 only after it has all slices of that call, and a rank sends its slice of call c + 2 only after its kernel of call c, in which it
// emptied the slot, has ended.
#include "mailbox.cuh"
#include "number.cuh"

#ifndef ROWS
#define ROWS 2
#endif

DEVICE u32 rotated(u32 rank, u32 i) { return rank + i < WORLD ? rank + i : rank + i - WORLD; }

// Sends the units of one row to their owners; returns this rank's own unit. Packs behind the end are sent, too: a unit is whole.
DEVICE Pack scatter(const Launch& a, u32 row, u32 half) {
#pragma unroll
  for (u32 i = 1; i < WORLD; i++) {
    const u32 owner = rotated(a.rank, i);
    const Pack p = load_slot(a.input, (u64(row) * WORLD + owner) * UNIT_SLOTS + lane_id(), a.count, a.aligned);
    store_relaxed(a.peers[owner] + slot_offset(SCATTER, row, half, a.rank), sendable(p));
  }
  return load_slot(a.input, (u64(row) * WORLD + a.rank) * UNIT_SLOTS + lane_id(), a.count, a.aligned);
}

extern "C" __global__ void all_reduce_two_shot_push(const __grid_constant__ Launch a) {
  const u32 warps = gridDim.x * (blockDim.x / 32);
  const u64 slots = (a.count + ELEMENTS - 1) / ELEMENTS;
  const u32 rows = u32((slots + UNIT_SLOTS * WORLD - 1) / (UNIT_SLOTS * WORLD));
  u32* epochs = reinterpret_cast<u32*>(a.peers[a.rank] + EPOCHS_SCATTER);
  wait_for_previous_kernel();
  for (u32 first = blockIdx.x * (blockDim.x / 32) + threadIdx.x / 32; first < rows; first += ROWS * warps) {
    u32 half[ROWS];
    Pack mine[ROWS];
#pragma unroll
    for (u32 k = 0; k < ROWS; k++) {
      const u32 row = first + k * warps;
      if (row >= rows) break;
      half[k] = load_volatile(epochs + row) & 1;
      mine[k] = scatter(a, row, half[k]);
    }
    if (first + ROWS * warps >= rows) release_next_kernel();
#pragma unroll
    for (u32 k = 0; k < ROWS; k++) {
      const u32 row = first + k * warps;
      if (row >= rows) break;
      Pack box[WORLD];
      if (!receive(a, SCATTER, row, half[k], box)) return;
      Values sum = widen(a.rank == 0 ? mine[k] : box[0]);
#pragma unroll
      for (u32 r = 1; r < WORLD; r++) accumulate(sum, r == a.rank ? mine[k] : box[r]);
      finish(sum, WORLD);
      const Pack result = narrow(sum);
      // Sendable as it is: the NaN that arithmetic gives is not all ones.
#pragma unroll
      for (u32 i = 1; i < WORLD; i++)
        store_relaxed(a.peers[rotated(a.rank, i)] + slot_offset(GATHER, row, half[k], a.rank), result);
      store_slot(a.output, (u64(row) * WORLD + a.rank) * UNIT_SLOTS + lane_id(), a.count, a.aligned, result);
      rearm(a, SCATTER, row, half[k]);
    }
#pragma unroll
    for (u32 k = 0; k < ROWS; k++) {
      const u32 row = first + k * warps;
      if (row >= rows) break;
      Pack box[WORLD];
      if (!receive(a, GATHER, row, half[k], box)) return;
#pragma unroll
      for (u32 r = 0; r < WORLD; r++)
        if (r != a.rank) store_slot(a.output, (u64(row) * WORLD + r) * UNIT_SLOTS + lane_id(), a.count, a.aligned, box[r]);
      rearm(a, GATHER, row, half[k]);
      __syncwarp();
      if (lane_id() == 0) epochs[row] = half[k] ^ 1;
    }
  }
}
