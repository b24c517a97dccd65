// Rows that no other row is involved in: looked up, gated, filled.
#include "vectors.cuh"

// A block a token and part of its row; PACKS of 16 bytes where rows are whole packs, elements elsewhere.
extern "C" __global__ void __launch_bounds__(256) embedding(u8* out, const u8* table, const int* ids, u32 hidden, u32 rows, u32 start, u32 whole) {
  const u32 token = blockIdx.y;
  const u32 i = blockIdx.x * blockDim.x + threadIdx.x;
  release_next_kernel();
  wait_for_previous_kernel();
  const u32 row = u32(ids[token]) - start;
  const bool there = row < rows;
  const u64 from = u64(row) * hidden, to = u64(token) * hidden;
  if (whole) {
    if (i * 8 >= hidden) return;
    store_pack(out + 2 * to + 16 * i, there ? load_pack(table + 2 * from + 16 * i) : Pack{0, 0, 0, 0});
  } else {
    if (i >= hidden) return;
    reinterpret_cast<u16*>(out)[to + i] = there ? reinterpret_cast<const u16*>(table)[from + i] : u16(0);
  }
}
