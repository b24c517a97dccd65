// Broadcast, scatter and all-gather: the root writes every piece of a chunk to one other rank, in place in its output, and that rank passes it on
// to the rest. The root sends the message once instead of N-1 times, and everyone's links work at once. For large messages on more
// than two ranks, and on symmetric buffers. Specialised by WORLD.
//
//   root,   step k:  write piece j of chunk k to the j-th rank after it, for all j; tell everyone
//   others, step k:  wait until the root has told step k; write the own piece of chunk k to the others but the root
//
// Nobody is answered: pieces go where they belong, and no place is written twice. All ranks are there before the root's first step.
#include "bytes.cuh"
#include "signals.cuh"

constexpr u32 UNROLL = 4;

// Copies `packs` packs to the same place on ranks `first` to `last` after this one, but the root, and on this rank when `keep` is set.
DEVICE void pass_on(const Launch& a, const u8* from, u8* to, u64 packs, u32 first, u32 last, bool keep) {
  const bool aligned = is_aligned(from);
  for (u64 at = threadIdx.x; at < packs; at += UNROLL * blockDim.x) {
    Pack p[UNROLL];
#pragma unroll
    for (u32 u = 0; u < UNROLL; u++) {
      const u64 k = at + u * blockDim.x;
      if (k < packs) p[u] = aligned ? load_pack(from + k * 16) : load_unaligned(from + k * 16);
    }
    for (u32 i = first; i <= last; i++) {
      const u32 peer = rotated(a.rank, i);
      if (peer == a.root) continue;
      u8* const there = at_peer(a, peer, to);
#pragma unroll
      for (u32 u = 0; u < UNROLL; u++)
        if (at + u * blockDim.x < packs) store_pack(there + (at + u * blockDim.x) * 16, p[u]);
    }
    if (keep) {
#pragma unroll
      for (u32 u = 0; u < UNROLL; u++)
        if (at + u * blockDim.x < packs) store_pack(to + (at + u * blockDim.x) * 16, p[u]);
    }
  }
}

extern "C" __global__ void broadcast_scatter(const __grid_constant__ Launch a) {
  wait_for_previous_kernel();
  u32* const count = block_count(a, FAMILY_BROADCAST_SCATTER);
  const u32 before = *count;
  const bool is_root = a.rank == a.root;
  const bool keep = a.input != a.output;
  const u64 bytes = a.count * a.element_bytes;
  const Run run = run_of(a.output, bytes);
  const u64 piece = a.chunk_bytes < 16 ? 1 : a.chunk_bytes / 16;
  const u64 chunk = piece * (WORLD - 1);
  const u64 chunks = (run.packs + chunk - 1) / chunk;
  const u32 steps = chunks <= blockIdx.x ? 0 : u32((chunks - blockIdx.x + gridDim.x - 1) / gridDim.x);
  // How far this rank is behind the root, from 1 on; its pieces are those of that number.
  const u32 place = (a.rank + WORLD - a.root) % WORLD;
  const u64 tail = run.head + run.packs * 16;
  signal_relaxed(a, FAMILY_BROADCAST_SCATTER, WORLD, before + 1);
  if (!await_signals(a, FAMILY_BROADCAST_SCATTER, WORLD, before + 1)) return;
  if (is_root && blockIdx.x == 0) {
    push_loose(a, a.input, a.output, run.head, keep);
    push_loose(a, a.input + tail, a.output + tail, run.tail, keep);
  }
  for (u32 k = 0; k < steps; k++) {
    const u64 begin = (u64(k) * gridDim.x + blockIdx.x) * chunk;
    if (!is_root && !await_signals(a, FAMILY_BROADCAST_SCATTER, WORLD, threadIdx.x == a.root ? before + 2 + k : before + 1)) return;
    for (u32 j = 1; j < WORLD; j++) {
      const u64 first = begin + (j - 1) * piece;
      if (first >= run.packs || (!is_root && j != place)) continue;
      const u64 packs = run.packs - first < piece ? run.packs - first : piece;
      const u64 at = run.head + first * 16;
      if (is_root) pass_on(a, a.input + at, a.output + at, packs, j, j, keep);
      else pass_on(a, a.output + at, a.output + at, packs, 1, WORLD - 1, false);
    }
    if (is_root && k + 1 < steps) signal_release(a, FAMILY_BROADCAST_SCATTER, WORLD, before + 2 + k);
  }
  release_next_kernel();
  // Of a block without chunks, too: block 0 of the root has loose bytes to tell of.
  signal_release(a, FAMILY_BROADCAST_SCATTER, WORLD, before + 2 + steps);
  if (!await_signals(a, FAMILY_BROADCAST_SCATTER, WORLD, before + 2 + steps)) return;
  if (threadIdx.x == 0) *count = before + 2 + steps;
}
