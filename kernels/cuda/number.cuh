// Packs of 16 bytes as numbers. DTYPE: 0 f32, 1 f16, 2 bf16 (as in src/tensor/dtype.ts). REDUCE: 0 sum, 1 max, 2 min, 3 avg (src/operations.ts).
#pragma once
#include "ptx.cuh"

#ifndef DTYPE
#define DTYPE 2
#endif
#ifndef REDUCE
#define REDUCE 0
#endif

constexpr u32 ELEMENT_BYTES = DTYPE == 0 ? 4 : 2;
// Elements of a pack.
constexpr u32 ELEMENTS = 16 / ELEMENT_BYTES;

DEVICE float widen_low(u32 word) {
#if DTYPE == 1
  float f;
  asm("{ .reg .f16 l, h; mov.b32 {l, h}, %1; cvt.f32.f16 %0, l; }" : "=f"(f) : "r"(word));
  return f;
#else
  return __uint_as_float(word << 16);
#endif
}
DEVICE float widen_high(u32 word) {
#if DTYPE == 1
  float f;
  asm("{ .reg .f16 l, h; mov.b32 {l, h}, %1; cvt.f32.f16 %0, h; }" : "=f"(f) : "r"(word));
  return f;
#else
  return __uint_as_float(word & 0xffff0000u);
#endif
}
// To nearest even; NaN becomes the type's canonical NaN.
DEVICE u32 narrow(float low, float high) {
  u32 word;
#if DTYPE == 1
  asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(word) : "f"(high), "f"(low));
#else
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(word) : "f"(high), "f"(low));
#endif
  return word;
}

struct Values {
  float v[ELEMENTS];
};

DEVICE Values widen(Pack p) {
  Values r;
  const u32 words[4] = {p.x, p.y, p.z, p.w};
#pragma unroll
  for (u32 i = 0; i < 4; i++) {
#if DTYPE == 0
    r.v[i] = __uint_as_float(words[i]);
#else
    r.v[2 * i] = widen_low(words[i]);
    r.v[2 * i + 1] = widen_high(words[i]);
#endif
  }
  return r;
}
DEVICE Pack narrow(const Values& r) {
#if DTYPE == 0
  return {__float_as_uint(r.v[0]), __float_as_uint(r.v[1]), __float_as_uint(r.v[2]), __float_as_uint(r.v[3])};
#else
  return {narrow(r.v[0], r.v[1]), narrow(r.v[2], r.v[3]), narrow(r.v[4], r.v[5]), narrow(r.v[6], r.v[7])};
#endif
}

// Max and min give NaN when either is NaN.
DEVICE float reduce(float a, float b) {
#if REDUCE == 1 || REDUCE == 2
  float r;
#if __CUDA_ARCH__ >= 800
#if REDUCE == 1
  asm("max.NaN.f32 %0, %1, %2;" : "=f"(r) : "f"(a), "f"(b));
#else
  asm("min.NaN.f32 %0, %1, %2;" : "=f"(r) : "f"(a), "f"(b));
#endif
#endif
  return r;
#else
  return __fadd_rn(a, b);
#endif
}
DEVICE void accumulate(Values& a, Pack p) {
  Values b = widen(p);
#pragma unroll
  for (u32 i = 0; i < ELEMENTS; i++) a.v[i] = reduce(a.v[i], b.v[i]);
}
// What follows the last rank's contribution.
DEVICE void finish(Values& a, u32 world) {
#if REDUCE == 3
#pragma unroll
  for (u32 i = 0; i < ELEMENTS; i++) a.v[i] = __fdiv_rn(a.v[i], float(world));
#endif
}

// Loads and stores of one pack at any alignment, of which `count` elements are there (the others read as zero).
DEVICE Pack load_elements(const u8* p, u32 count) {
  u32 words[4] = {0, 0, 0, 0};
#if DTYPE == 0
#pragma unroll
  for (u32 i = 0; i < 4; i++)
    if (i < count) asm volatile("ld.global.u32 %0, [%1];" : "=r"(words[i]) : "l"(p + 4 * i) : "memory");
#else
#pragma unroll
  for (u32 i = 0; i < 8; i++) {
    u16 h = 0;
    if (i < count) asm volatile("ld.global.u16 %0, [%1];" : "=h"(h) : "l"(p + 2 * i) : "memory");
    words[i / 2] |= u32(h) << (16 * (i & 1));
  }
#endif
  return {words[0], words[1], words[2], words[3]};
}
DEVICE void store_elements(u8* p, Pack v, u32 count) {
  const u32 words[4] = {v.x, v.y, v.z, v.w};
#if DTYPE == 0
#pragma unroll
  for (u32 i = 0; i < 4; i++)
    if (i < count) asm volatile("st.global.u32 [%0], %1;" ::"l"(p + 4 * i), "r"(words[i]) : "memory");
#else
#pragma unroll
  for (u32 i = 0; i < 8; i++)
    if (i < count) asm volatile("st.global.u16 [%0], %1;" ::"l"(p + 2 * i), "h"(u16(words[i / 2] >> (16 * (i & 1)))) : "memory");
#endif
}
// Pack number `slot` of a tensor of `count` elements; packs behind its end read as zero and are not written.
DEVICE Pack load_slot(const u8* base, u64 slot, u64 count, bool aligned) {
  u64 first = slot * ELEMENTS;
  if (aligned && first + ELEMENTS <= count) return load_pack(base + slot * 16);
  u32 n = first >= count ? 0 : count - first < ELEMENTS ? u32(count - first) : ELEMENTS;
  return load_elements(base + slot * 16, n);
}
DEVICE void store_slot(u8* base, u64 slot, u64 count, bool aligned, Pack v) {
  u64 first = slot * ELEMENTS;
  if (aligned && first + ELEMENTS <= count) {
    store_pack(base + slot * 16, v);
    return;
  }
  u32 n = first >= count ? 0 : count - first < ELEMENTS ? u32(count - first) : ELEMENTS;
  store_elements(base + slot * 16, v, n);
}
