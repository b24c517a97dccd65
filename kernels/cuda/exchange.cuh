// How the warps of a row tell each other what they have found: through the memory of their block, or, where a cluster of blocks has a row,
// through that of every block of the cluster.
#pragma once
#include "quantize.cuh"
#include "row.cuh"

// Where a warp is: its row, the warps of the row, and its block's part in the exchange.
struct RowPlace {
  u32 row;
  u32 warps;     // of a row, or of a block's part of it
  u32 warp;      // this one's number among them
  u32 in_block;  // this row's number among those of the block
  u32 parts;     // sums of squares that a row has
  u32 lanes;     // see tree_squares

  // `warps` of them have a row of `parts` sums, and a block has whole rows.
  __device__ __forceinline__ RowPlace(u32 of_row, u32 sums) {
    const u32 number = threadIdx.x / 32;
    warps = of_row;
    in_block = number / warps;
    warp = number - in_block * warps;
    row = blockIdx.x * (blockDim.x / 32 / warps) + in_block;
    parts = sums;
    lanes = tree_lanes(sums);
  }
};

// K: sums a warp has of a row.
template <u32 K>
struct BlockExchange {
  // A row has parts for all lanes that read: up to twice as many as it has warps.
  static constexpr u32 PARTS = K <= 2 ? 128 : 64 * K;
  alignas(16) float sums[PARTS];
  u32 most[32];

  // Parts that no warp has stay zero.
  __device__ __forceinline__ void begin() {
    for (u32 i = threadIdx.x; i < PARTS; i += blockDim.x) sums[i] = 0;
    __syncthreads();
  }
  static __device__ __forceinline__ u32 begin_of(const RowPlace& p) { return p.in_block * p.lanes * (p.parts > 128 ? 8 : 4); }
  // Each of the first `lanes` lanes has a sum.
  __device__ __forceinline__ void add_squares(const RowPlace& p, u32 part, float value, u32 lanes = 1) {
    if (lane_id() < lanes && part < p.parts) sums[begin_of(p) + part] = value;
  }
  __device__ __forceinline__ float squares(const RowPlace& p) {
    __syncthreads();
    return tree_squares(sums + begin_of(p), p.parts, p.lanes);
  }
  __device__ __forceinline__ void add_largest(const RowPlace&, u32 value) {
    if (lane_id() == 0) most[threadIdx.x / 32] = value;
  }
  __device__ __forceinline__ u32 largest(const RowPlace& p) {
    __syncthreads();
    return largest_of_warp(lane_id() < p.warps ? most[p.in_block * p.warps + lane_id()] : 0);
  }
};
