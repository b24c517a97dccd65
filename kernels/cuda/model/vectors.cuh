// Rows of bf16 as packs of eight, and what kernels of models share on top of them.
#pragma once
#include "number.cuh"

constexpr u32 ALL_LANES = 0xffffffffu;
// Elements of a pack.
constexpr u32 EIGHT = 8;

DEVICE float bf16_at(const u8* p, u64 i) { return __uint_as_float(u32(reinterpret_cast<const u16*>(p)[i]) << 16); }
DEVICE void store_bf16(u8* p, u64 i, float x) { reinterpret_cast<u16*>(p)[i] = u16(narrow(x, x)); }
DEVICE float rounded(float x) { return widen_low(narrow(x, x)); }

DEVICE float warp_sum(float x) {
#pragma unroll
  for (u32 step = 16; step > 0; step /= 2) x += __shfl_xor_sync(ALL_LANES, x, step);
  return x;
}
DEVICE float warp_max(float x) {
#pragma unroll
  for (u32 step = 16; step > 0; step /= 2) x = fmaxf(x, __shfl_xor_sync(ALL_LANES, x, step));
  return x;
}

// RMSNorm's factor of a row, from the sum of its squares.
DEVICE float norm_factor(float squares, u32 count, float epsilon) {
  return __fdiv_rn(1.0f, __fsqrt_rn(__fadd_rn(__fdiv_rn(squares, float(count)), epsilon)));
}
// An element of it, rounded before it is multiplied by the weight, and after.
DEVICE float normed(float x, float factor, float weight) { return rounded(__fmul_rn(rounded(__fmul_rn(x, factor)), weight)); }
DEVICE Pack normed(Pack x, float factor, Pack weight) {
  Values v = widen(x);
  const Values w = widen(weight);
#pragma unroll
  for (u32 i = 0; i < EIGHT; i++) v.v[i] = __fmul_rn(rounded(__fmul_rn(v.v[i], factor)), w.v[i]);
  return narrow(v);
}
DEVICE float squares_of(Pack x) {
  const Values v = widen(x);
  float sum = 0;
#pragma unroll
  for (u32 i = 0; i < EIGHT; i++) sum = __fmaf_rn(v.v[i], v.v[i], sum);
  return sum;
}
