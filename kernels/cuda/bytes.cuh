// Moving bytes as they are: any dtype, any count, any alignment.
#pragma once
#include "layout.cuh"
#include "ptx.cuh"

#ifndef WORLD
#define WORLD 4
#endif

// The i-th rank from this one on: ranks start with different peers, so that no link gets all of them at once.
DEVICE u32 rotated(u32 rank, u32 i) { return rank + i < WORLD ? rank + i : rank + i - WORLD; }

DEVICE u32 load_word(const u8* p) {
  u32 v;
  asm volatile("ld.global.u32 %0, [%1];" : "=r"(v) : "l"(p) : "memory");
  return v;
}
DEVICE void store_word(u8* p, u32 v) { asm volatile("st.global.u32 [%0], %1;" ::"l"(p), "r"(v) : "memory"); }
DEVICE u32 load_byte(const u8* p) {
  u32 v;
  asm volatile("ld.global.u8 %0, [%1];" : "=r"(v) : "l"(p) : "memory");
  return v;
}
DEVICE void store_byte(u8* p, u32 v) { asm volatile("st.global.u8 [%0], %1;" ::"l"(p), "r"(v) : "memory"); }

DEVICE bool is_aligned(const void* p) { return (reinterpret_cast<u64>(p) & 15) == 0; }

// 16 bytes from any address: from the aligned words that hold them, so nothing outside those words is touched.
DEVICE Pack load_unaligned(const u8* p) {
  const u32 bits = u32(reinterpret_cast<u64>(p) & 3) * 8;
  const u8* const base = p - bits / 8;
  u32 words[5];
#pragma unroll
  for (u32 i = 0; i < 4; i++) words[i] = load_word(base + 4 * i);
  words[4] = bits == 0 ? 0 : load_word(base + 16);
  return {__funnelshift_r(words[0], words[1], bits), __funnelshift_r(words[1], words[2], bits), __funnelshift_r(words[2], words[3], bits),
          __funnelshift_r(words[3], words[4], bits)};
}

// The first `count` of the 16 bytes at p, the others zero.
DEVICE Pack load_bytes(const u8* p, u64 count) {
  if (count >= 16) return is_aligned(p) ? load_pack(p) : load_unaligned(p);
  u32 words[4] = {0, 0, 0, 0};
#pragma unroll
  for (u32 i = 0; i < 16; i++)
    if (i < count) words[i / 4] |= load_byte(p + i) << (8 * (i % 4));
  return {words[0], words[1], words[2], words[3]};
}
DEVICE void store_bytes(u8* p, Pack v, u64 count) {
  if (count >= 16 && is_aligned(p)) {
    store_pack(p, v);
    return;
  }
  const u32 words[4] = {v.x, v.y, v.z, v.w};
  if (count >= 16 && (reinterpret_cast<u64>(p) & 3) == 0) {
#pragma unroll
    for (u32 i = 0; i < 4; i++) store_word(p + 4 * i, words[i]);
    return;
  }
#pragma unroll
  for (u32 i = 0; i < 16; i++)
    if (i < count) store_byte(p + i, words[i / 4] >> (8 * (i % 4)));
}

// A run of bytes, as destinations want it: loose bytes before the first multiple of 16, whole packs, and loose bytes behind.
struct Run {
  u64 head, packs, tail;
};
DEVICE Run run_of(const void* to, u64 bytes) {
  const u64 lead = (16 - (reinterpret_cast<u64>(to) & 15)) & 15;
  const u64 head = lead < bytes ? lead : bytes;
  const u64 packs = (bytes - head) / 16;
  return {head, packs, bytes - head - packs * 16};
}

// Where a peer has what this rank has at `own`.
DEVICE u8* at_peer(const Launch& a, u32 peer, u8* own) { return a.peers[peer] + (own - a.peers[a.rank]); }

// Writes loose bytes to the same place on every peer, and on this rank when `keep` is set.
DEVICE void push_loose(const Launch& a, const u8* from, u8* to, u64 count, bool keep) {
  for (u32 t = threadIdx.x; t < count; t += blockDim.x) {
    const u32 v = load_byte(from + t);
#pragma unroll
    for (u32 i = 1; i < WORLD; i++) store_byte(at_peer(a, rotated(a.rank, i), to + t), v);
    if (keep) store_byte(to + t, v);
  }
}

// Writes this block's share of a run of bytes to the same place on every peer, and on this rank when `keep` is set. Peers may read it
// after the block has told them so.
DEVICE void push_run(const Launch& a, const u8* from, u8* to, u64 bytes, bool keep) {
  constexpr u32 UNROLL = 4;
  const Run run = run_of(to, bytes);
  if (blockIdx.x == 0) {
    push_loose(a, from, to, run.head, keep);
    push_loose(a, from + run.head + run.packs * 16, to + run.head + run.packs * 16, run.tail, keep);
  }
  from += run.head;
  to += run.head;
  const bool aligned = is_aligned(from);
  const u64 stride = u64(gridDim.x) * blockDim.x;
  for (u64 first = u64(blockIdx.x) * blockDim.x + threadIdx.x; first < run.packs; first += UNROLL * stride) {
    Pack p[UNROLL];
#pragma unroll
    for (u32 u = 0; u < UNROLL; u++) {
      const u64 k = first + u * stride;
      if (k < run.packs) p[u] = aligned ? load_pack(from + k * 16) : load_unaligned(from + k * 16);
    }
#pragma unroll
    for (u32 i = 1; i < WORLD; i++) {
      u8* const there = at_peer(a, rotated(a.rank, i), to);
#pragma unroll
      for (u32 u = 0; u < UNROLL; u++)
        if (first + u * stride < run.packs) store_pack(there + (first + u * stride) * 16, p[u]);
    }
    if (keep) {
#pragma unroll
      for (u32 u = 0; u < UNROLL; u++)
        if (first + u * stride < run.packs) store_pack(to + (first + u * stride) * 16, p[u]);
    }
  }
}
