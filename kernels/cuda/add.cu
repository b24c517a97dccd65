// output = input + residual, in float32 and rounded once. Specialised by DTYPE.
#include "row.cuh"

extern "C" __global__ void add(const __grid_constant__ Launch a) {
  const u64 slots = (a.count + ELEMENTS - 1) / ELEMENTS;
  wait_for_previous_kernel();
  release_next_kernel();
  for (u64 slot = u64(blockIdx.x) * blockDim.x + threadIdx.x; slot < slots; slot += u64(gridDim.x) * blockDim.x) {
    const Pack x = load_slot(a.input, slot, a.count, a.aligned);
    store_slot(a.output, slot, a.count, a.aligned, plus(x, load_slot(a.residual, slot, a.count, a.aligned)));
  }
}
