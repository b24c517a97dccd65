// Words to f8e4m3, i8 and e2m1 (FP4), with scales. QUANT: 0 none, 1 f8e4m3_static, 2 f8e4m3_token, 3 i8_token, 4 nvfp4 (src/operations.ts).
//
// The codes are those of src/tensor/reference/quantize.ts, bit for bit: values are multiplied by the scale's reciprocal with one rounding, and then
// rounded to the code, to nearest even, saturating, NaN kept where there is one.
#pragma once
#include "words.cuh"

#ifndef QUANT
#define QUANT 0
#endif

constexpr bool QUANTIZED = QUANT != 0;
constexpr bool SCALE_PER_TOKEN = QUANT == 2 || QUANT == 3;

DEVICE float from_bits(u32 bits) { return __uint_as_float(bits); }
DEVICE u32 magnitude_bits(float x) { return __float_as_uint(x) & 0x7fffffffu; }
constexpr u32 INFINITY_BITS = 0x7f800000u;
// 2^-126, the smallest normal number: no scale is less, so that its reciprocal is finite.
constexpr u32 SMALLEST_SCALE_BITS = 0x00800000u;

// Largest magnitude as bits, whose order is that of the magnitudes; NaN is the largest.
template <u32 N>
DEVICE u32 largest(const Words<N>& v) {
  const Sums<N> x = widen(v);
  u32 most = 0;
#pragma unroll
  for (u32 i = 0; i < N * WORD_ELEMENTS; i++) most = max(most, magnitude_bits(x.v[i]));
  return most;
}
DEVICE u32 largest_of_warp(u32 most) {
  u32 all;
  asm volatile("redux.sync.max.u32 %0, %1, 0xffffffff;" : "=r"(all) : "r"(most));
  return all;
}

// The scale of a token whose largest magnitude is `amax`: 1 for zeros, NaN for NaN.
DEVICE float token_scale(u32 amax) {
  if (amax == 0) return 1.0f;
  const float scale = __fdiv_rn(from_bits(amax), QUANT == 3 ? 127.0f : 448.0f);
  return scale < from_bits(SMALLEST_SCALE_BITS) ? from_bits(SMALLEST_SCALE_BITS) : scale;
}

// To e4m3. Saturates at 448, infinities too.
DEVICE u32 f8_of(float x) {
  const u32 bits = __float_as_uint(x), sign = bits >> 24 & 0x80u;
  if ((bits & 0x7fffffffu) > INFINITY_BITS) return 0x7f;
  const u32 a = min(bits & 0x7fffffffu, 0x43e00000u);
  // Subnormals are rounded by the adder: 2^14 has their unit in its last place.
  const u32 small = __float_as_uint(__fadd_rn(from_bits(a), 16384.0f)) - 0x46800000u;
  const u32 normal = (a + 0x7ffffu - 0x3c000000u + (a >> 20 & 1)) >> 20;
  return sign | (a < 0x3c800000u ? small : normal);
}
// Two of them, the first in the low byte.
DEVICE u16 f8_pair(float low, float high) {
#if __CUDA_ARCH__ >= 890
  u16 pair;
  asm("cvt.rn.satfinite.e4m3x2.f32 %0, %1, %2;" : "=h"(pair) : "f"(high), "f"(low));
  return pair;
#else
  return u16(f8_of(low) | f8_of(high) << 8);
#endif
}
DEVICE float f8_value(u32 code) {
  // The exponent's bias is 7 there and 127 here; the product makes subnormals exact, too.
  return (code & 0x7f) == 0x7f ? from_bits(0x7fc00000u) : __fmul_rn(from_bits((code & 0x7f) << 20), from_bits(0x7b800000u));
}

// To i8, in the low byte of what is returned: 1.5 x 2^23 has ones in its last place. Only for products with a finite scale's reciprocal, of which
// none rounds to more than 127: more than that would wrap around, and NaN give any byte.
DEVICE u32 i8_of(float x) { return __float_as_uint(__fadd_rn(x, 12582912.0f)); }

// Two codes, the first in the low byte.
DEVICE u16 pair_of(float low, float high) {
#if QUANT == 3
  return u16(__byte_perm(i8_of(low), i8_of(high), 0x0040));
#else
  return f8_pair(low, high);
#endif
}

// A value to e2m1: 0, 0.5, 1, 1.5, 2, 3, 4, 6; ties go to the even code, NaN to +6.
DEVICE u32 e2m1_of(float x) {
  const float a = from_bits(magnitude_bits(x));
  if (!(a <= from_bits(INFINITY_BITS))) return 7;
  const u32 code = (a > 0.25f) + (a >= 0.75f) + (a > 1.25f) + (a >= 1.75f) + (a > 2.5f) + (a >= 3.5f) + (a > 5.0f);
  return code | (__float_as_uint(x) >> 28 & 8);
}
// The same for what is not NaN, in fewer steps: a number with the unit of a's binade (0.5 below 2) in its last place rounds the sum.
DEVICE u32 e2m1_of_number(float x) {
  const float a = fminf(from_bits(magnitude_bits(x)), 6.0f);
  const u32 binade = max(__float_as_uint(a) & INFINITY_BITS, 0x3f800000u);
  const u32 rounder = binade + 0x0b400000u;
  const u32 units = __float_as_uint(__fadd_rn(a, from_bits(rounder))) - rounder;
  return (units + (binade >> 22) - 254) | (__float_as_uint(x) >> 28 & 8);
}

// `count` codes of a byte, or pairs of codes; BYTES of them if WHOLE.
template <u32 BYTES, bool WHOLE>
DEVICE void store_codes(u8* p, u32 low, u32 high, u32 count) {
  if (!WHOLE) {
#pragma unroll
    for (u32 i = 0; i < BYTES; i++)
      if (i < count) p[i] = u8((i < 4 ? low : high) >> (8 * (i % 4)));
    return;
  }
  if (count == 0) return;
  if (BYTES == 8) *reinterpret_cast<uint2*>(p) = make_uint2(low, high);
  if (BYTES == 4) *reinterpret_cast<u32*>(p) = low;
  if (BYTES == 2) *reinterpret_cast<u16*>(p) = u16(low);
  if (BYTES == 1) *p = u8(low);
}

// Quantizes a thread's words of a row, and stores codes and block scales. They begin at element `element` of the tensor, from which on the row has
// `left` more bytes. All lanes of a warp call it together. `inverse` is the reciprocal of the token's or the caller's scale.
template <u32 N, bool WHOLE>
DEVICE void store_quantized(const Launch& a, u64 element, u32 left, const Words<N>& v, float inverse) {
  constexpr u32 MINE = N * WORD_ELEMENTS;
  const Sums<N> x = widen(v);
  u32 words[2] = {0, 0};
#if QUANT == 4
  // A block of 16 elements is that of some neighbouring lanes; 16 divides `hidden`, so blocks are whole.
  u32 amax = largest(v);
#pragma unroll
  for (u32 step = 1; step < 16 / MINE; step *= 2) amax = max(amax, __shfl_xor_sync(0xffffffffu, amax, step));
  const u32 code = f8_of(__fmul_rn(__fdiv_rn(from_bits(amax), 6.0f), a.scale));
  const float block = f8_value(code);
  const float by = block == 0 ? 0.0f : __fdiv_rn(a.scale, block);
  if (by > 0 && by < from_bits(INFINITY_BITS)) {
#pragma unroll
    for (u32 i = 0; i < MINE; i++) words[0] |= e2m1_of_number(__fmul_rn(x.v[i], by)) << (4 * i);
  } else {
#pragma unroll
    for (u32 i = 0; i < MINE; i++) words[0] |= e2m1_of(__fmul_rn(x.v[i], by)) << (4 * i);
  }
  // A lane with one element has half a byte; the even ones store.
  if (MINE == 1) words[0] |= __shfl_xor_sync(0xffffffffu, words[0], 1) << 4;
  const bool stores = left != 0 && (MINE > 1 || element % 2 == 0);
  store_codes<(MINE + 1) / 2, WHOLE>(a.quant_out + element / 2, words[0], 0, stores ? (MINE + 1) / 2 : 0);
  if (left != 0 && element % 16 == 0) a.scale_out[element / 16] = u8(code);
#else
#pragma unroll
  for (u32 i = 0; i < MINE; i += 2) {
    // Four codes are two halves of a register: the second conversion then puts its own beside the first's, which shifts would not let it.
    const u16 pair = pair_of(__fmul_rn(x.v[i], inverse), __fmul_rn(x.v[i + 1 < MINE ? i + 1 : i], inverse));
    if (i % 4 == 0) words[i / 4] = pair;
    else asm("mov.b32 %0, {%1, %2};" : "=r"(words[i / 4]) : "h"(u16(words[i / 4])), "h"(pair));
  }
  // A scale that is infinite or NaN leaves zeros and NaN, and both are 0 in i8.
  if (QUANT == 3 && !(inverse > 0)) words[0] = words[1] = 0;
  store_codes<MINE, WHOLE>(a.quant_out + element, words[0], words[1], min(MINE, left / ELEMENT_BYTES));
#endif
}
