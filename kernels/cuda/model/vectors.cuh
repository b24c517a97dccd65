// Rows of bf16 as packs of eight, and the loops and reductions that kernels of models share.
#pragma once
#include "number.cuh"

constexpr u32 ALL_LANES = 0xffffffffu;

DEVICE float bf16_at(const u8* p, u64 i) { return __uint_as_float(u32(reinterpret_cast<const u16*>(p)[i]) << 16); }
DEVICE u16 to_bf16(float x) { return u16(narrow(x, x)); }
DEVICE void store_bf16(u8* p, u64 i, float x) { reinterpret_cast<u16*>(p)[i] = to_bf16(x); }

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
