// Products of rows that are no whole number of 16 bytes: a warp an element, read one by one. For shapes that models do not have.
#include "products.cuh"

template <bool EXPERTS>
DEVICE void any(const Product& a) {
  release_next_kernel();
  wait_for_previous_kernel();
  const u32 row = blockIdx.x * (blockDim.x / 32) + threadIdx.x / 32;
  if (row >= a.outer) return;
  const u32 all = EXPERTS ? u32(a.offsets[a.groups]) : a.tokens;
  for (u32 t = blockIdx.y; t < all; t += gridDim.y) {
    const Unit unit = EXPERTS ? expert_unit(a, 1, t) : Unit{blockIdx.z, t, 1};
    const RowPair rows = rows_of<EXPERTS>(a, unit, 0);
    const u64 x = u64(rows.x) * a.inner, weight = (u64(unit.group) * a.outer + row) * a.inner;
    float sum = 0;
    for (u32 k = lane_id(); k < a.inner; k += 32) sum += bf16_at(a.x, x + k) * bf16_at(a.weight, weight + k);
    sum = warp_sum(sum);
    if (lane_id() == 0) store_bf16(a.out, u64(rows.out) * a.outer + row, finished(a, sum, rows.out, row));
  }
}

extern "C" __global__ void __launch_bounds__(256) linear_any(PRODUCT_PARAMETERS) {
  const Product a = PRODUCT;
  any<false>(a);
}
extern "C" __global__ void __launch_bounds__(256) expert_any(PRODUCT_PARAMETERS) {
  const Product a = PRODUCT;
  any<true>(a);
}
