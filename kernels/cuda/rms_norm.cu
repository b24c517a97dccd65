// [Residual +] RMSNorm [+ quantization] of rows that no other rank is involved in. The unfused sequence ends with it, so it rounds as the
// fused kernels do. Specialised by DTYPE, QUANT, TURNS.
#include "norm.cuh"

extern "C" __global__ void __launch_bounds__(LOCAL_THREADS, 1) rms_norm(const __grid_constant__ Launch a) {
  __shared__ Exchange exchange;
  const Rows rows(a);
  const Norm norm(a, rows);
  exchange.clear();
  wait_for_previous_kernel();
  release_next_kernel();
  u32 set = 0;
#pragma unroll 1
  for (u32 first = blockIdx.x * rows.per_block; first < a.tokens; first += rows.step, set ^= 1) {
    const u32 row = first + rows.place;
    const bool there = rows.place < rows.per_block && row < a.tokens;
    const u64 offset = row_offset<u64>(a, row);
    Pack p[PACKS]{};
    if (there) {
#pragma unroll
      for (u32 k = 0; k < PACKS; k++)
        if (rows.unit(k) < rows.units) p[k] = rows.load(a, a.input, offset, rows.unit(k));
      // One source is rounded already, but only an operation makes a NaN canonical; the sum with the residual does.
#pragma unroll
      for (u32 from = 0; from < PACKS; from += BATCH) {
        Pack residual[BATCH]{};
        if (a.residual != nullptr)
#pragma unroll
          for (u32 i = 0; i < BATCH; i++)
            if (rows.unit(from + i) < rows.units) residual[i] = rows.load(a, a.residual, offset, rows.unit(from + i));
#pragma unroll
        for (u32 i = 0; i < BATCH; i++) {
          const u32 k = from + i;
          if (rows.unit(k) >= rows.units) break;
          p[k] = a.residual == nullptr ? narrow(widen(p[k])) : plus(p[k], residual[i]);
          norm.add(exchange, set, rows, k, p[k]);
          if (a.residual_out != nullptr) rows.store(a, a.residual_out, offset, rows.unit(k), p[k]);
        }
      }
    }
    norm.finish(a, exchange, set, rows, row, offset, there, p);
  }
}
