// Sums and writes in the NVLink switch: one load that sums what all devices have at an address, one store that writes to all of them. The addresses
// are those of a multicast mapping of the memory blocks, `Launch::multicast`, and nothing but these instructions may touch them.
//
// Emulated, the same functions go round the peers with ordinary loads and stores, so that the kernels can run, and be tested, where there is no
// multicast or where it must not be used. The switch adds in an order of its own; the emulation in rank order.
#pragma once
#include "number.cuh"
#include "signals.cuh"

#ifndef WORLD
#define WORLD 4
#endif

// The switch has sums only; and GPUs before sm_90 have no such instruction.
#if REDUCE == 0 && __CUDA_ARCH__ >= 900
constexpr bool IN_THE_SWITCH = true;
#else
constexpr bool IN_THE_SWITCH = false;
#endif

DEVICE Pack switch_sum(const u8* p) {
  Pack v = {0, 0, 0, 0};
#if __CUDA_ARCH__ >= 900
#if DTYPE == 0
  asm volatile("multimem.ld_reduce.relaxed.sys.global.add.v4.f32 {%0, %1, %2, %3}, [%4];" : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w) : "l"(p) : "memory");
#elif DTYPE == 1
  asm volatile("multimem.ld_reduce.relaxed.sys.global.add.acc::f32.v4.f16x2 {%0, %1, %2, %3}, [%4];" : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w) : "l"(p) : "memory");
#else
  asm volatile("multimem.ld_reduce.relaxed.sys.global.add.acc::f32.v4.bf16x2 {%0, %1, %2, %3}, [%4];" : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w) : "l"(p) : "memory");
#endif
#endif
  return v;
}
DEVICE void switch_store(u8* p, Pack v) {
#if __CUDA_ARCH__ >= 900
  asm volatile("multimem.st.relaxed.sys.global.v4.f32 [%0], {%1, %2, %3, %4};" ::"l"(p), "f"(__uint_as_float(v.x)), "f"(__uint_as_float(v.y)), "f"(__uint_as_float(v.z)),
               "f"(__uint_as_float(v.w))
               : "memory");
#endif
}

// Whether pack `slot` is a whole and aligned one, as the switch needs it; others go round the peers.
DEVICE bool whole(u64 slot, u64 count, bool aligned) { return aligned && (slot + 1) * ELEMENTS <= count; }

// The reduction of pack `slot` of what lies at `offset` of all memory blocks.
template <bool EMULATED>
DEVICE Pack reduced(const Launch& a, u64 offset, u64 slot, u64 count, bool aligned) {
  if (IN_THE_SWITCH && !EMULATED && whole(slot, count, aligned)) return switch_sum(a.multicast + offset + slot * 16);
  Pack box[WORLD];
#pragma unroll
  for (u32 r = 0; r < WORLD; r++) {
    const u8* const base = a.peers[r] + offset;
    box[r] = whole(slot, count, aligned) ? load_relaxed(base + slot * 16) : load_slot(base, slot, count, aligned);
  }
  Values sum = widen(box[0]);
#pragma unroll
  for (u32 r = 1; r < WORLD; r++) accumulate(sum, box[r]);
  finish(sum, WORLD);
  return narrow(sum);
}

// Writes pack `slot` of what lies at `offset` of all memory blocks.
template <bool EMULATED>
DEVICE void store_to_all(const Launch& a, u64 offset, u64 slot, u64 count, bool aligned, Pack v) {
  if (IN_THE_SWITCH && !EMULATED && whole(slot, count, aligned)) {
    switch_store(a.multicast + offset + slot * 16, v);
    return;
  }
#pragma unroll
  for (u32 i = 0; i < WORLD; i++) {
    const u32 peer = a.rank + i < WORLD ? a.rank + i : a.rank + i - WORLD;
    store_slot(a.peers[peer] + offset, slot, count, aligned, v);
  }
}
