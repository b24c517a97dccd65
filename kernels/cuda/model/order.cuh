// Numbers that are ordered as values are: larger for a larger value, zeros alike, NaN below all values, and 0 below NaN, for what is absent.
#pragma once
#include "launch.cuh"
#include "ptx.cuh"

// Of a bf16's 16 bits; again 16 bits.
DEVICE u32 order_of_bf16(u32 bits) {
  const u32 magnitude = bits & 0x7fff;
  const u32 order = bits & 0x8000 ? 0x8000 - magnitude : 0x8000 + magnitude;
  return magnitude > 0x7f80 ? 1 : order;
}
// The value that has it; NaN for 1, and for 0.
DEVICE float value_of_order(u32 order) {
  const u32 bits = order >= 0x8000 ? order - 0x8000 : 0x8000 | (0x8000 - order);
  return __uint_as_float((order > 1 ? bits : 0x7fff) << 16);
}
// Of a float32's bits.
DEVICE u32 order_of_f32(u32 bits) {
  const u32 magnitude = bits & 0x7fffffffu;
  const u32 order = bits & 0x80000000u ? 0x80000000u - magnitude : 0x80000000u + magnitude;
  return magnitude > 0x7f800000u ? 1 : order;
}
