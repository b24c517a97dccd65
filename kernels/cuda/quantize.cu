// Quantization of rows as the fused kernels do it: by the caller's scale, a scale a token, or a scale for 16 elements.
// Specialised by DTYPE, QUANT, TURNS.
#include "norm.cuh"

extern "C" __global__ void __launch_bounds__(LOCAL_THREADS, 1) quantize(const __grid_constant__ Launch a) {
  __shared__ Exchange exchange;
  const Rows rows(a);
  wait_for_previous_kernel();
  release_next_kernel();
#pragma unroll 1
  for (u32 first = blockIdx.x * rows.per_block; first < a.tokens; first += rows.step) {
    const u32 row = first + rows.place;
    const bool there = rows.place < rows.per_block && row < a.tokens;
    const u64 offset = row_offset<u64>(a, row);
    Pack p[PACKS]{};
    u32 most = 0;
    if (there) {
#pragma unroll
      for (u32 k = 0; k < PACKS; k++)
        if (rows.unit(k) < rows.units) p[k] = rows.load(a, a.input, offset, rows.unit(k));
#pragma unroll
      for (u32 k = 0; k < PACKS; k++)
        if (rows.unit(k) < rows.units) most = max(most, largest(p[k]));
    }
    Norm::quantize(a, exchange, rows, row, there, p, most);
    // The largest magnitudes of the next rows go where those of these are read.
    if (SCALE_PER_TOKEN) __syncthreads();
  }
}
