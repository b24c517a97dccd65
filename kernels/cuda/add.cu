// output = input + residual, in float32 and rounded once. Specialised by DTYPE.
#include "row.cuh"

template <bool WHOLE>
DEVICE void add_to(const Launch& a) {
  constexpr u32 N = 4;
  const u64 bytes = a.count * ELEMENT_BYTES;
  const u64 at = (u64(blockIdx.x) * blockDim.x + threadIdx.x) * (4 * N);
  release_next_kernel();
  wait_for_previous_kernel();
  const u32 left = at < bytes ? u32(min(bytes - at, u64(4 * N))) : 0;
  const Words<N> x = load_row<N, WHOLE>(a.input + at, left);
  store_row<N, WHOLE>(a.output + at, plus(x, load_row<N, WHOLE>(a.residual + at, left)), left);
}

extern "C" __global__ void add(const __grid_constant__ Launch a) { add_to<true>(a); }
extern "C" __global__ void add_any(const __grid_constant__ Launch a) { add_to<false>(a); }
