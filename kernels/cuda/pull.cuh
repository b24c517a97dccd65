// Reducing a run of elements that lies at the same place on every rank, where it lies. DTYPE and REDUCE as in number.cuh.
#pragma once
#include "bytes.cuh"
#include "number.cuh"

// Pack `slot` of a run of `count` elements on a peer, which may be read through no cache.
DEVICE Pack load_peer_slot(const u8* base, u64 slot, u64 count, bool aligned) {
  if (aligned && (slot + 1) * ELEMENTS <= count) return load_relaxed(base + slot * 16);
  return load_slot(base, slot, count, aligned);
}

// This block's share of the packs from `first` on of a run of `count` elements: reads them on every rank, and writes the reduction to `to`.
DEVICE void pull_run(const Launch& a, const u8* from, u8* to, u64 first, u64 count) {
  // Packs a thread has under way, from each rank.
  constexpr u32 UNROLL = WORLD <= 2 ? 4 : WORLD <= 4 ? 2 : 1;
  const u64 offset = from - a.peers[a.rank];
  const u64 slots = (count + ELEMENTS - 1) / ELEMENTS;
  const bool from_aligned = is_aligned(from);
  const bool to_aligned = is_aligned(to);
  const u64 stride = u64(gridDim.x) * blockDim.x;
  for (u64 at = first + u64(blockIdx.x) * blockDim.x + threadIdx.x; at < slots; at += UNROLL * stride) {
    Pack box[UNROLL][WORLD];
#pragma unroll
    for (u32 u = 0; u < UNROLL; u++)
#pragma unroll
      for (u32 r = 0; r < WORLD; r++)
        if (at + u * stride < slots) box[u][r] = load_peer_slot(a.peers[r] + offset, at + u * stride, count, from_aligned);
#pragma unroll
    for (u32 u = 0; u < UNROLL; u++) {
      if (at + u * stride >= slots) break;
      Values sum = widen(box[u][0]);
#pragma unroll
      for (u32 r = 1; r < WORLD; r++) accumulate(sum, box[u][r]);
      finish(sum, WORLD);
      store_slot(to, at + u * stride, count, to_aligned, narrow(sum));
    }
  }
}
