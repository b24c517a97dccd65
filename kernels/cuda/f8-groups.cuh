// Groups of 256 values as f8e4m3 with one float32 scale: what lossy kernels send. A warp encodes or decodes a group, 8 values a lane.
//
// The scale is the largest finite magnitude over 448. Infinities, which e4m3 does not have, become NaN, as NaN does.
#pragma once
#include "quantize.cuh"

constexpr u32 GROUP_VALUES = 256;
// Packs of a lane: one of a 16-bit type, two of f32.
constexpr u32 GROUP_PACKS = 8 / ELEMENTS;
constexpr u32 GROUP_SLOTS = 32 * GROUP_PACKS;

// 8 codes of a lane, and the group's scale, which all lanes have.
struct Encoded {
  u32 low, high;
  float scale;
};

struct GroupValues {
  Values part[GROUP_PACKS];
};

// Code `i` of four. Exact: the exponent's bias is 7 there and 127 here, and the product makes subnormals right, too.
DEVICE float f8_decoded(u32 codes, u32 i) {
  const u32 code = codes >> (8 * i) & 0xff;
  if ((code & 0x7f) == 0x7f) return __uint_as_float(0x7fc00000u);
  return __fmul_rn(__uint_as_float((code & 0x7f) << 20 | (code & 0x80) << 24), __uint_as_float(0x7b800000u));
}

// All lanes of the warp together.
DEVICE Encoded encode(const GroupValues& g) {
  u32 most = 0;
#pragma unroll
  for (u32 p = 0; p < GROUP_PACKS; p++)
#pragma unroll
    for (u32 i = 0; i < ELEMENTS; i++) {
      const u32 m = __float_as_uint(g.part[p].v[i]) & 0x7fffffffu;
      most = m < 0x7f800000u && m > most ? m : most;
    }
  u32 all;
  asm volatile("redux.sync.max.u32 %0, %1, 0xffffffff;" : "=r"(all) : "r"(most));
  const float scale = fmaxf(__fdiv_rn(__uint_as_float(all), 448.0f), from_bits(SMALLEST_SCALE_BITS));
  const float inverse = __frcp_rn(scale);
  u32 codes[2] = {0, 0};
#pragma unroll
  for (u32 k = 0; k < 8; k += 2) {
    float x[2];
#pragma unroll
    for (u32 j = 0; j < 2; j++) {
      const float v = g.part[(k + j) / ELEMENTS].v[(k + j) % ELEMENTS];
      x[j] = (__float_as_uint(v) & 0x7f800000u) == 0x7f800000u ? __uint_as_float(0x7fc00000u) : __fmul_rn(v, inverse);
    }
    codes[k / 4] |= u32(f8_pair(x[0], x[1])) << (16 * (k / 2 & 1));
  }
  return {codes[0], codes[1], scale};
}
DEVICE GroupValues decode(const Encoded& e) {
  GroupValues g;
#pragma unroll
  for (u32 k = 0; k < 8; k++)
    g.part[k / ELEMENTS].v[k % ELEMENTS] = __fmul_rn(f8_decoded(k < 4 ? e.low : e.high, k & 3), e.scale);
  return g;
}

DEVICE GroupValues load_group(const u8* base, u64 group, u64 count, bool aligned) {
  GroupValues g;
#pragma unroll
  for (u32 p = 0; p < GROUP_PACKS; p++)
    g.part[p] = widen(load_slot(base, group * GROUP_SLOTS + lane_id() * GROUP_PACKS + p, count, aligned));
  return g;
}
DEVICE void store_group(u8* base, u64 group, u64 count, bool aligned, const GroupValues& g) {
#pragma unroll
  for (u32 p = 0; p < GROUP_PACKS; p++)
    store_slot(base, group * GROUP_SLOTS + lane_id() * GROUP_PACKS + p, count, aligned, narrow(g.part[p]));
}

// An encoded slice of `groups` groups in a stage: the codes of all of them, then their scales.
DEVICE u64 encoded_bytes(u32 groups) { return u64(groups) * (GROUP_VALUES + 4); }
DEVICE void store_encoded(u8* slice, u32 groups, u32 group, const Encoded& e) {
  asm volatile("st.relaxed.sys.global.v2.u32 [%0], {%1, %2};" ::"l"(slice + u64(group) * GROUP_VALUES + lane_id() * 8), "r"(e.low), "r"(e.high) : "memory");
  if (lane_id() == 0) store_relaxed(reinterpret_cast<u32*>(slice + u64(groups) * GROUP_VALUES) + group, __float_as_uint(e.scale));
}
DEVICE Encoded load_encoded(const u8* slice, u32 groups, u32 group) {
  Encoded e;
  asm volatile("ld.relaxed.sys.global.v2.u32 {%0, %1}, [%2];" : "=r"(e.low), "=r"(e.high) : "l"(slice + u64(group) * GROUP_VALUES + lane_id() * 8) : "memory");
  e.scale = __uint_as_float(load_relaxed(reinterpret_cast<const u32*>(slice + u64(groups) * GROUP_VALUES) + group));
  return e;
}
