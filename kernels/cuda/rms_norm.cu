// [Residual +] RMSNorm [+ quantization] of rows that no other rank is involved in. The unfused sequence ends with it, and its bits are those of
// the fused kernels. Specialised by DTYPE, QUANT; one kernel for
// each number of shares of 16 bytes that a thread has of a row, and one in rms_norm_any.cu for other rows.
#include "norm.cuh"

template <u32 K>
DEVICE void rms_norm_of(const Launch& a) {
  constexpr u32 N = 4;
  constexpr bool WHOLE = true;
  __shared__ BlockExchange<K> exchange;
  const u32 parts = (a.hidden * ELEMENT_BYTES + 128 * N - 1) / (128 * N);
  const RowPlace place((parts + K - 1) / K, parts);
  Norm<N, K, WHOLE, BlockExchange<K>> norm(a, exchange, place, (place.warp * 32 + lane_id()) * 4 * N, place.warps * 128 * N);
  const u8* const input = a.input + norm.offset();
  const u8* const residual = a.residual + norm.offset();
  u8* const residual_out = a.residual_out + norm.offset();
  release_next_kernel();
  wait_for_previous_kernel();
  Words<N> v[K];
#pragma unroll
  for (u32 k = 0; k < K; k++) v[k] = load_row<N, WHOLE>(input + k * norm.stride, norm.left(k));
  Words<N> more[K];
  if (a.residual != nullptr)
#pragma unroll
    for (u32 k = 0; k < K; k++) more[k] = load_row<N, WHOLE>(residual + k * norm.stride, norm.left(k));
#pragma unroll
  for (u32 k = 0; k < K; k++) {
    // One source is rounded already, but only an operation makes a NaN canonical; the sum with the residual does.
    v[k] = a.residual != nullptr ? plus(v[k], more[k]) : narrow(widen(v[k]));
  }
  norm.add(v);
#pragma unroll
  for (u32 k = 0; k < K; k++)
    if (a.residual_out != nullptr) store_row<N, WHOLE>(residual_out + k * norm.stride, v[k], norm.left(k));
  norm.finish(v);
}

extern "C" __global__ void __launch_bounds__(1024, 1) rms_norm(const __grid_constant__ Launch a) { rms_norm_of<1>(a); }
extern "C" __global__ void __launch_bounds__(512, 1) rms_norm_4(const __grid_constant__ Launch a) { rms_norm_of<4>(a); }
