// What rows go through once their sums are there: the warps of a row exchange sums of squares, normalize, exchange the largest magnitude
// where every token has a scale, quantize, store.
//
// A thread has K shares of N words of a row: the k-th at byte `first + k * stride`. Some warps of a block work on a row together, or all warps of a
// cluster; a block has as many rows as it has warps for.
#pragma once
#include "exchange.cuh"
#include "quantize.cuh"
#include "row.cuh"

template <u32 N, u32 K, bool WHOLE, class Exchange>
struct Norm {
  // Few weights are in registers before the previous kernel has ended; many are read when they are needed, together.
  static constexpr bool KEPT = K * N <= 16;

  // Whether weights get their bias before the warps of a row meet, whose wait hides it, or after: as float32 they take twice the registers, of which
  // there are too few where a token's scale is yet to be found.
  static constexpr bool EARLY = KEPT && (K * N <= 4 || !SCALE_PER_TOKEN);

  const Launch& a;
  Exchange& exchange;
  const RowPlace place;
  const u32 first, stride, bytes;
  const bool there;
  // 1 / hidden.
  float share;
  // 1 / scale: of the caller's before the previous kernel has ended, of a token's once it is known.
  float inverse = 0;
  Words<N> weight[KEPT ? K : 1];

  // Before the previous kernel has ended.
  __device__ __forceinline__ Norm(const Launch& launch, Exchange& e, const RowPlace& p, u32 first_byte, u32 stride_bytes)
      : a(launch), exchange(e), place(p), first(first_byte), stride(stride_bytes), bytes(launch.hidden * ELEMENT_BYTES), there(p.row < launch.tokens) {
    share = __frcp_rn(float(a.hidden));
    if (QUANT == 1) inverse = __frcp_rn(a.scale), settle(inverse);
    if (KEPT)
#pragma unroll
      for (u32 k = 0; k < K; k++) weight[k] = load_weight(k);
    exchange.begin();
  }

  __device__ __forceinline__ u32 at(u32 k) const { return first + k * stride; }
  // Bytes of the row from share k on; 0 where there is nothing.
  __device__ __forceinline__ u32 left(u32 k) const { return there && at(k) < bytes ? bytes - at(k) : 0; }
  __device__ __forceinline__ u64 offset() const { return u64(place.row) * bytes + first; }
  __device__ __forceinline__ Words<N> load_weight(u32 k) const {
    return load_row<N, WHOLE>(a.weight + at(k), a.weight != nullptr && at(k) < bytes ? bytes - at(k) : 0);
  }

  // The sum, with the residual, takes part in the exchange.
  __device__ __forceinline__ void add(const Words<N> (&v)[K]) {
    const WarpSquares<N, K> squares(v);
    const u32 part = squares.share < K ? (first + squares.share * stride) / (128 * N) : ~0u;
    exchange.add_squares(place, part, squares.sum, squares.SHARES);
  }

  // The weights as they are multiplied with.
  __device__ __forceinline__ void add_bias(Sums<N> (&w)[K]) const {
#pragma unroll
    for (u32 k = 0; k < K; k++) {
      w[k] = biased(a, KEPT ? weight[KEPT ? k : 0] : load_weight(k));
      if (EARLY)
#pragma unroll
        for (float& x : w[k].v) settle(x);
    }
  }

  // The rest of the way, for shares that have been added.
  __device__ __forceinline__ void finish(Words<N> (&v)[K]) {
    u8* const output = a.output + offset();
    Sums<N> w[K];
    if (EARLY) add_bias(w);
    const float squares = exchange.squares(place);
    float rstd = reciprocal_root(__fmaf_rn(squares, share, a.epsilon));
    u32 most = 0;
    if (!EARLY) add_bias(w);
    cast_before_weight(a, v, rstd);
#pragma unroll
    for (u32 k = 0; k < K; k++) {
      v[k] = normalized(v[k], rstd, w[k]);
      if (a.output != nullptr) store_row<N, WHOLE>(output + k * stride, v[k], left(k));
      if (SCALE_PER_TOKEN && left(k) != 0) most = max(most, largest(v[k]));
    }
    quantize(v, most);
  }

  // `most` is this thread's largest magnitude.
  __device__ __forceinline__ void quantize(const Words<N> (&v)[K], u32 most) {
#if QUANT != 0
    if (SCALE_PER_TOKEN) {
      exchange.add_largest(place, largest_of_warp(most));
      const float scale = token_scale(exchange.largest(place));
      if (there && first == 0) reinterpret_cast<float*>(a.scale_out)[place.row] = scale;
      inverse = __frcp_rn(scale);
    }
    const u64 element = u64(place.row) * a.hidden + first / ELEMENT_BYTES;
#pragma unroll
    for (u32 k = 0; k < K; k++) store_quantized<N, WHOLE>(a, element + k * (stride / ELEMENT_BYTES), left(k), v[k], inverse);
#endif
  }
};
