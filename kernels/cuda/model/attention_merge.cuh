// Shares of the places of a tile of rows, computed by blocks that know nothing of each other: the one that ends last merges what all have left.
//
// scratch: f32 [tiles of rows][shares][used rows][VALUE], sums of values that are not divided yet; then their [maximum of scores, sum of weights].
#pragma once
#include "attention.cuh"

constexpr u32 MOST_SHARES = 32;
// Blocks of a tile of rows that have left their results; the last sets it to 0 again. attention-shapes.ts splits no more tiles than this.
constexpr u32 MOST_COUNTERS = 65536;
__device__ u32 arrived[MOST_COUNTERS];

// Counts from 0 to `most` and begins again; what this block has written is there for the block that counts last.
DEVICE u32 arrive(u32* counter, u32 most) {
  u32 before;
  asm volatile(
      "fence.acq_rel.gpu;\n"
      "atom.relaxed.gpu.global.inc.u32 %0, [%1], %2;\n"
      "fence.acq_rel.gpu;"
      : "=r"(before)
      : "l"(counter), "r"(most)
      : "memory");
  return before;
}

struct Shares {
  float* sums;
  float2* statistics;
  // Rows of VALUE before this tile's, and before this block's.
  u64 tile, own;
  u32 used;

  DEVICE_MEMBER Shares(u8* scratch, u32 used_rows) {
    used = used_rows;
    sums = reinterpret_cast<float*>(scratch);
    statistics = reinterpret_cast<float2*>(scratch + u64(gridDim.x) * gridDim.y * used * (VALUE * 4));
    tile = u64(blockIdx.x) * gridDim.y * used;
    own = tile + blockIdx.y * used;
  }

  // By all threads of a block, after its sums and statistics. `factors` is shared memory, [MOST_SHARES][rows]; `query_rows` has NOWHERE for rows that are not there.
  template <u32 THREADS>
  DEVICE_MEMBER void merge(u32 shares, float* factors, const u32* query_rows, u8* out) const {
    __shared__ bool last;
    __syncthreads();
    if (threadIdx.x == 0) last = arrive(arrived + blockIdx.x, shares - 1) == shares - 1;
    __syncthreads();
    if (!last) return;
    // What each share's sums count for, divided by the sum of all weights.
    const u32 lane = lane_id();
    for (u32 row = threadIdx.x / 32; row < used; row += THREADS / 32) {
      if (query_rows[row] == NOWHERE) continue;
      const float2 mine = lane < shares ? __ldcg(statistics + tile + lane * used + row) : make_float2(minus_infinity(), 0.f);
      const float weight = exp2_fast(mine.x - exponent_base(warp_max(mine.x)));
      const float all = warp_sum(weight * mine.y);
      if (lane < shares) factors[lane * used + row] = weight * reciprocal(all);
    }
    __syncthreads();
    for (u32 i = threadIdx.x; i < used * (VALUE / 4); i += THREADS) {
      const u32 row = i / (VALUE / 4), column = i % (VALUE / 4) * 4;
      if (query_rows[row] == NOWHERE) continue;
      const float* const from = sums + (tile + row) * VALUE + column;
      float4 merged = make_float4(0.f, 0.f, 0.f, 0.f);
#pragma unroll 8
      for (u32 s = 0; s < shares; s++) {
        const float4 x = __ldcg(reinterpret_cast<const float4*>(from + u64(s) * used * VALUE));
        const float f = factors[s * used + row];
        merged.x += f * x.x;
        merged.y += f * x.y;
        merged.z += f * x.z;
        merged.w += f * x.w;
      }
      store_values(out, u64(query_rows[row]), column, merged);
    }
  }
};
