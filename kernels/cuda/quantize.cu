// Quantization of rows as the kernels that end with it do it: by the caller's scale, a scale a token, or a scale for 16 elements.
// Specialised by DTYPE, QUANT; rms_norm_any.cu has the kernel for rows that are long or not aligned.
#include "norm.cuh"

extern "C" __global__ void __launch_bounds__(512, 1) quantize(const __grid_constant__ Launch a) {
  // Shares of 16 bytes that a thread has of a row.
  constexpr u32 N = 4, K = 4;
  __shared__ BlockExchange<K> exchange;
  const u32 parts = (a.hidden * ELEMENT_BYTES + 128 * N - 1) / (128 * N);
  const RowPlace place((parts + K - 1) / K, parts);
  Norm<N, K, true, BlockExchange<K>> norm(a, exchange, place, (place.warp * 32 + lane_id()) * 4 * N, place.warps * 128 * N);
  const u8* const input = a.input + norm.offset();
  release_next_kernel();
  wait_for_previous_kernel();
  Words<N> v[K];
#pragma unroll
  for (u32 k = 0; k < K; k++) v[k] = load_row<N, true>(input + k * norm.stride, norm.left(k));
  u32 most = 0;
#pragma unroll
  for (u32 k = 0; k < K; k++) most = max(most, largest(v[k]));
  norm.quantize(v, most);
}
