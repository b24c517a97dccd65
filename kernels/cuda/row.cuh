// RMSNorm of a row of [tokens, hidden], whose bits are the same in every kernel that includes this: fused or not, however a row is dealt out.
//
// Squares are summed as a binary tree over the row, neighbour to neighbour: the halves of a word, two words, two pairs, and so on up to
// the row, as if zeros followed it up to a power of two. Zeros change no sum, so any split at a power of two gives the same tree: over a thread's
// words, the lanes of a warp, the warps of a block, the blocks of a cluster.
#pragma once
#include "words.cuh"

constexpr u32 WHOLE_WARP = 0xffffffffu;

// x + y, rounded to the type.
template <u32 N>
DEVICE Words<N> plus(const Words<N>& x, const Words<N>& y) {
  Sums<N> a = widen(x), b = widen(y);
#pragma unroll
  for (u32 i = 0; i < N * WORD_ELEMENTS; i++) a.v[i] = __fadd_rn(a.v[i], b.v[i]);
  return narrow(a);
}

// Of a thread's words.
template <u32 N>
DEVICE float thread_squares(const Words<N>& v) {
  const Sums<N> x = widen(v);
  float s[N];
#pragma unroll
  for (u32 i = 0; i < N; i++) {
#if DTYPE == 0
    s[i] = __fmul_rn(x.v[i], x.v[i]);
#else
    s[i] = __fmaf_rn(x.v[2 * i + 1], x.v[2 * i + 1], __fmul_rn(x.v[2 * i], x.v[2 * i]));
#endif
  }
#pragma unroll
  for (u32 step = 1; step < N; step *= 2)
#pragma unroll
    for (u32 i = 0; i < N; i += 2 * step) s[i] = __fadd_rn(s[i], s[i + step]);
  return s[0];
}

DEVICE constexpr u32 power_of_two(u32 n) {
  u32 p = 1;
  while (p < n) p *= 2;
  return p;
}

// Of K shares, each of which the lanes of a warp hold side by side: the sum of one of them in every lane. With every step a lane gives away the
// half of the sums that its neighbour goes on with, which takes a fraction of the exchanges that K sums in all lanes would.
template <u32 N, u32 K>
struct WarpSquares {
  static constexpr u32 SHARES = power_of_two(K);
  float sum;
  // Which share it is of; K or more is of none. Lanes with the same number modulo SHARES have the same.
  u32 share;

  __device__ __forceinline__ explicit WarpSquares(const Words<N> (&v)[K]) {
    float s[SHARES];
#pragma unroll
    for (u32 k = 0; k < SHARES; k++) s[k] = k < K ? thread_squares(v[k < K ? k : 0]) : 0;
    share = 0;
#pragma unroll
    for (u32 step = 1; step < 32; step *= 2) {
      const u32 half = SHARES / (2 * step);
      const bool upper = lane_id() & step;
      if (half == 0) {
        s[0] = __fadd_rn(s[0], __shfl_xor_sync(WHOLE_WARP, s[0], step));
        continue;
      }
#pragma unroll
      for (u32 k = 0; k < half; k++) {
        const float given = __shfl_xor_sync(WHOLE_WARP, upper ? s[k] : s[k + half], step);
        s[k] = __fadd_rn(upper ? s[k + half] : s[k], given);
      }
      if (upper) share += half;
    }
    sum = s[0];
  }
};

// The upper part of the tree: over the sums of `parts` warps, 256 at most, which lie side by side with zeros behind them; in all lanes.
DEVICE float four_squares(const float* sums) {
  const float4 s = *reinterpret_cast<const float4*>(sums);
  return __fadd_rn(__fadd_rn(s.x, s.y), __fadd_rn(s.z, s.w));
}
// A power of two: so many lanes add four sums each, or eight if there are more than 128.
DEVICE u32 tree_lanes(u32 parts) { return parts <= 4 ? 1 : parts > 64 ? 32 : 1u << (32 - __clz((parts - 1) / 4)); }
DEVICE float tree_squares(const float* sums, u32 parts, u32 lanes) {
  const u32 lane = lane_id() & (lanes - 1);
  float sum = parts > 128 ? __fadd_rn(four_squares(sums + 8 * lane), four_squares(sums + 8 * lane + 4)) : four_squares(sums + 4 * lane);
#pragma unroll
  for (u32 step = 1; step < 32; step *= 2)
    if (step < lanes) sum = __fadd_rn(sum, __shfl_xor_sync(WHOLE_WARP, sum, step));
  return sum;
}

// 1 / sqrt(x) to within an ulp: the hardware's estimate and one step of Newton's method, whose error term is exact in two parts.
DEVICE float reciprocal_root(float x) {
  float r;
  asm("rsqrt.approx.f32 %0, %1;" : "=f"(r) : "f"(x));
  const float root = __fmul_rn(x, r);
  const float rest = __fmaf_rn(x, r, -root);
  const float error = __fmaf_rn(-rest, r, __fmaf_rn(-root, r, 1.0f));
  const float better = __fmaf_rn(__fmul_rn(0.5f, r), error, r);
  // Zero, infinity and NaN need no step, and do not survive one.
  return x > 0 && x < __uint_as_float(0x7f800000u) ? better : r;
}

// x * rstd, rounded to the type.
template <u32 N>
DEVICE Words<N> scaled(const Words<N>& v, float rstd) {
  Sums<N> x = widen(v);
#pragma unroll
  for (u32 i = 0; i < N * WORD_ELEMENTS; i++) x.v[i] = __fmul_rn(x.v[i], rstd);
  return narrow(x);
}
// The rounding before the weight, where it is asked for: `normalized` then goes on with a factor of 1, which changes nothing. Where it is not, this
// is a branch for all shares together, and costs no element anything. float32 has nothing to round.
template <u32 N, u32 K>
DEVICE void cast_before_weight(const Launch& a, Words<N> (&v)[K], float& rstd) {
  if (DTYPE != 0 && a.cast_before_weight != 0) {
#pragma unroll
    for (u32 k = 0; k < K; k++) v[k] = scaled(v[k], rstd);
    rstd = 1;
  }
}

// weight + bias. Absent weights read as zeros, and become ones, by which products stay as they are.
template <u32 N>
DEVICE Sums<N> biased(const Launch& a, const Words<N>& weight) {
  const float bias = a.weight != nullptr ? a.weight_bias : 1.0f;
  Sums<N> w = widen(weight);
#pragma unroll
  for (u32 i = 0; i < N * WORD_ELEMENTS; i++) w.v[i] = __fadd_rn(w.v[i], bias);
  return w;
}

// (x * rstd) * weight, rounded to the type.
template <u32 N>
DEVICE Words<N> normalized(const Words<N>& v, float rstd, const Sums<N>& weight) {
  Sums<N> x = widen(v);
#pragma unroll
  for (u32 i = 0; i < N * WORD_ELEMENTS; i++) x.v[i] = __fmul_rn(__fmul_rn(x.v[i], rstd), weight.v[i]);
  return narrow(x);
}

// Words of a row that has `left` more bytes from there on, none if less than one. WHOLE: they are all there or none is, and they are aligned.
template <u32 N, bool WHOLE>
DEVICE Words<N> load_row(const u8* p, u32 left) {
  if (!WHOLE) return load_some<N>(p, left);
  if (left != 0) return load_words<N>(p);
  return {};
}
template <u32 N, bool WHOLE>
DEVICE void store_row(u8* p, const Words<N>& v, u32 left) {
  if (!WHOLE) store_some<N>(p, v, left);
  else if (left != 0) store_words<N>(p, v);
}
