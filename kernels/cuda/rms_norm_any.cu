// What rms_norm.cu and quantize.cu do, for rows of any length and alignment: in passes, since such rows do not fit registers, or load slowly.
// Specialised by DTYPE, QUANT.
#include "norm.cuh"

// A block has a row; its threads go along it, 16 bytes each at a time.
struct Passes {
  static constexpr u32 N = 4;
  static constexpr u32 SPAN = 128 * N;
  using Exchange = BlockExchange<16>;

  const Launch& a;
  Exchange& exchange;
  const RowPlace place;
  const u32 bytes;
  const u64 offset;

  __device__ __forceinline__ Passes(const Launch& launch, Exchange& e, u32 parts)
      : a(launch), exchange(e), place(blockDim.x / 32, parts), bytes(launch.hidden * ELEMENT_BYTES), offset(u64(blockIdx.x) * bytes) {}

  // Calls `each` with the bytes where this thread's words begin, and how many are left of the row; lanes of a warp together.
  template <class Each>
  __device__ __forceinline__ void pass(Each each) const {
#pragma unroll 1
    for (u32 from = place.warp * SPAN; from < bytes; from += place.warps * SPAN) {
      const u32 at = from + lane_id() * 4 * N;
      each(at, at < bytes ? bytes - at : 0);
    }
  }
  __device__ __forceinline__ Words<N> load(const u8* base, u32 at, u32 left) const { return load_some<N>(base + offset + at, left); }

  // Of what `value` gives for every place.
  template <class Value>
  __device__ __forceinline__ void quantize(Value value) {
#if QUANT != 0
    float scale = a.scale;
    if (SCALE_PER_TOKEN) {
      u32 most = 0;
      pass([&](u32 at, u32 left) {
        if (left != 0) most = max(most, largest(value(at, left)));
      });
      exchange.add_largest(place, largest_of_warp(most));
      scale = token_scale(exchange.largest(place));
      if (threadIdx.x == 0) reinterpret_cast<float*>(a.scale_out)[place.row] = scale;
    }
    const float inverse = __frcp_rn(scale);
    const u64 element = u64(place.row) * a.hidden;
    pass([&](u32 at, u32 left) { store_quantized<N, false>(a, element + at / ELEMENT_BYTES, left, value(at, left), inverse); });
#endif
  }
};

extern "C" __global__ void __launch_bounds__(512, 1) rms_norm_any(const __grid_constant__ Launch a) {
  __shared__ Passes::Exchange exchange;
  Passes row(a, exchange, (a.hidden * ELEMENT_BYTES + Passes::SPAN - 1) / Passes::SPAN);
  exchange.begin();
  release_next_kernel();
  wait_for_previous_kernel();
  row.pass([&](u32 at, u32 left) {
    Words<Passes::N> v[1] = {row.load(a.input, at, left)};
    v[0] = a.residual != nullptr ? plus(v[0], row.load(a.residual, at, left)) : narrow(widen(v[0]));
    if (a.residual_out != nullptr) store_some<Passes::N>(a.residual_out + row.offset + at, v[0], left);
    exchange.add_squares(row.place, at / Passes::SPAN, WarpSquares<Passes::N, 1>(v).sum);
  });
  const float share = __frcp_rn(float(a.hidden));
  const float rstd = reciprocal_root(__fmaf_rn(exchange.squares(row.place), share, a.epsilon));
  // Again what the first pass had, which it may have written over the residual.
  const auto norm = [&](u32 at, u32 left) {
    Words<Passes::N> v[1] = {row.load(a.residual_out != nullptr ? a.residual_out : a.input, at, left)};
    if (a.residual_out == nullptr && a.residual != nullptr) v[0] = plus(v[0], row.load(a.residual, at, left));
    Words<Passes::N> weight = {};
    if (a.weight != nullptr) weight = load_some<Passes::N>(a.weight + at, left);
    float by = rstd;
    cast_before_weight(a, v, by);
    return normalized(v[0], by, biased(a, weight));
  };
  if (a.output == nullptr) return row.quantize(norm);
  row.pass([&](u32 at, u32 left) { store_some<Passes::N>(a.output + row.offset + at, norm(at, left), left); });
  // The output may have been written over the input.
  row.quantize([&](u32 at, u32 left) { return row.load(a.output, at, left); });
}

extern "C" __global__ void __launch_bounds__(512, 1) quantize_any(const __grid_constant__ Launch a) {
  __shared__ Passes::Exchange exchange;
  Passes row(a, exchange, 1);
  release_next_kernel();
  wait_for_previous_kernel();
  row.quantize([&](u32 at, u32 left) { return row.load(a.input, at, left); });
}
