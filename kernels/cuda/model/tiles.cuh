// Products of many tokens, by tiles of 128 rows of weights and 32 to 128 tokens. Both come in by cp.async, 128 bytes of a row a step, in
// a ring that the block shares; rows of 128 bytes are stored with their 16-byte parts swapped by row, so that ldmatrix meets no bank twice. The blocks of a cluster have
// the same tile and take turns along k; their sums are added in that order.
//
// The first steps' weights are asked for before the kernel before has ended. x is not.
#pragma once
#include "products.cuh"

constexpr u32 TILE_ROWS = 128;
constexpr u32 TILE_THREADS = 256;

template <u32 TOKENS, u32 STAGES, bool EXPERTS>
struct Tiles {
  // Warps are 4 along rows and 2 along tokens.
  static constexpr u32 MT = 2, NT = TOKENS / 16;
  static constexpr u32 WEIGHT_BYTES = TILE_ROWS * STEP_BYTES, STAGE_BYTES = WEIGHT_BYTES + TOKENS * STEP_BYTES;
  static constexpr u32 WEIGHT_COPIES = TILE_ROWS * 8 / TILE_THREADS, X_COPIES = TOKENS * 8 / TILE_THREADS;
  // Of sums in shared memory, in floats.
  static constexpr u32 PITCH = TILE_ROWS + 4;
  static constexpr u32 RING_BYTES = STAGES * STAGE_BYTES, SUM_BYTES = TOKENS * PITCH * 4;
  static constexpr u32 SHARED_BYTES = RING_BYTES > SUM_BYTES ? RING_BYTES : SUM_BYTES;

  const Product& a;
  Unit unit;
  u64 pitch;
  u32 rank, ranks, steps, ring, row0, part;
  const u8* weight[WEIGHT_COPIES];
  const u8* x[X_COPIES];

  __device__ __forceinline__ Tiles(const Product& product) : a(product) {}

  // Copies of a thread: 16 bytes, number `part`, of rows row, row + 32, ...
  __device__ __forceinline__ u32 column(u32 step) const { return (step * ranks + rank) * STEP_BYTES + part * 16; }
  __device__ __forceinline__ u32 place(u32 row, u32 chunk) const { return row * STEP_BYTES + ((chunk ^ (row & 7)) << 4); }

  __device__ __forceinline__ void ask_weights(u32 slot, u32 step) {
    const u32 at = column(step);
#pragma unroll
    for (u32 i = 0; i < WEIGHT_COPIES; i++)
      copy_pack(ring + slot * STAGE_BYTES + place(threadIdx.x / 8 + i * 32, part), weight[i] + at, at < pitch);
  }
  __device__ __forceinline__ void ask_x(u32 slot, u32 step) {
    const u32 at = column(step);
#pragma unroll
    for (u32 i = 0; i < X_COPIES; i++) {
      const u32 t = threadIdx.x / 8 + i * 32;
      copy_pack(ring + slot * STAGE_BYTES + WEIGHT_BYTES + place(t, part), x[i] + at, t < unit.count && at < pitch);
    }
  }

  __device__ __forceinline__ void step(float (&sum)[MT][NT][4], u32 slot) {
    const u32 rows = ring + slot * STAGE_BYTES, tokens = rows + WEIGHT_BYTES;
    const u32 lane = lane_id(), warp = threadIdx.x / 32;
    const u32 row = warp % 4 * 32 + lane % 16, token = warp / 4 * (TOKENS / 2) + lane / 16 * 8 + lane % 8;
#pragma unroll
    for (u32 k = 0; k < STEP_BYTES / 32; k++) {
      Pack of_rows[MT];
#pragma unroll
      for (u32 m = 0; m < MT; m++) of_rows[m] = load_matrices(rows + place(row + m * 16, k * 2 + lane / 16));
#pragma unroll
      for (u32 n = 0; n < NT; n += 2) {
        const Pack of_tokens = load_matrices(tokens + place(token + n * 8, k * 2 + lane / 8 % 2));
#pragma unroll
        for (u32 m = 0; m < MT; m++) {
          multiply_matrices(sum[m][n], of_rows[m], of_tokens.x, of_tokens.y);
          multiply_matrices(sum[m][n + 1], of_rows[m], of_tokens.z, of_tokens.w);
        }
      }
    }
  }

  // Sums of 4 rows of a token from all blocks of the cluster, in order.
  __device__ __forceinline__ void total(float (&all)[4], const float* from) const {
    for (u32 r = 0; r < ranks; r++)
#pragma unroll
      for (u32 i = 0; i < 4; i++) all[i] += ranks == 1 ? from[i] : load_cluster(shared_address(from + i), r);
  }

  __device__ __forceinline__ void finish(const float (&sum)[MT][NT][4], float* sums) {
    const u32 lane = lane_id(), warp = threadIdx.x / 32;
    float* const own = sums + (warp / 4 * (TOKENS / 2) + lane % 4 * 2) * PITCH + warp % 4 * 32 + lane / 4;
#pragma unroll
    for (u32 m = 0; m < MT; m++)
#pragma unroll
      for (u32 n = 0; n < NT; n++)
#pragma unroll
        for (u32 i = 0; i < 4; i++) own[(n * 8 + i % 2) * PITCH + m * 16 + i / 2 * 8] = sum[m][n][i];
    if (ranks > 1)
      meet_cluster();
    else
      __syncthreads();
    // A warp has a token's 128 rows, 4 a lane.
    const u32 row = row0 + lane * 4;
    for (u32 t = warp * ranks + rank; t < unit.count; t += TILE_THREADS / 32 * ranks) {
      float all[4] = {};
      total(all, sums + t * PITCH + lane * 4);
      const u32 to = rows_of<EXPERTS>(a, unit, t).out;
      if (a.outer % 4 == 0) {
        if (row >= a.outer) continue;
#pragma unroll
        for (u32 i = 0; i < 4; i++) all[i] = finished(a, all[i], to, row + i);
        *reinterpret_cast<u64*>(a.out + (u64(to) * a.outer + row) * 2) = u64(narrow(all[0], all[1])) | u64(narrow(all[2], all[3])) << 32;
      } else {
#pragma unroll
        for (u32 i = 0; i < 4; i++)
          if (row + i < a.outer) store_bf16(a.out, u64(to) * a.outer + row + i, finished(a, all[i], to, row + i));
      }
    }
    // Others may still read this block's sums.
    if (ranks > 1) meet_cluster();
  }

  __device__ __forceinline__ void run() {
    extern __shared__ u8 shared[];
    ring = shared_address(shared);
    rank = cluster_rank();
    ranks = cluster_blocks();
    pitch = u64(a.inner) * OPERAND_BYTES;
    steps = (u32((pitch + STEP_BYTES - 1) / STEP_BYTES) + ranks - 1) / ranks;
    row0 = blockIdx.x / ranks * TILE_ROWS;
    part = threadIdx.x % 8;
    release_next_kernel();
    if (EXPERTS) {
      wait_for_previous_kernel();
      unit = expert_unit(a, TOKENS, blockIdx.y);
      if (unit.count == 0) return;
    } else {
      unit = dense_unit(a, TOKENS, blockIdx.y, blockIdx.z);
    }
#pragma unroll
    for (u32 i = 0; i < WEIGHT_COPIES; i++)
      weight[i] = a.weight + (u64(unit.group) * a.outer + min(row0 + threadIdx.x / 8 + i * 32, a.outer - 1)) * pitch;
#pragma unroll
    for (u32 i = 0; i < X_COPIES; i++) {
      const u32 t = threadIdx.x / 8 + i * 32;
      x[i] = a.x + (t < unit.count ? rows_of<EXPERTS>(a, unit, t).x * pitch : 0);
    }
#pragma unroll
    for (u32 s = 0; s < STAGES - 1; s++)
      if (s < steps) ask_weights(s, s);
    if (!EXPERTS) wait_for_previous_kernel();
#pragma unroll
    for (u32 s = 0; s < STAGES - 1; s++) {
      if (s < steps) ask_x(s, s);
      end_copies();
    }
    float sum[MT][NT][4] = {};
    u32 slot = 0;
    for (u32 i = 0; i < steps; i++) {
      wait_for_copies<STAGES - 2>();
      __syncthreads();
      const u32 free = slot == 0 ? STAGES - 1 : slot - 1, ahead = i + STAGES - 1;
      if (ahead < steps) {
        ask_weights(free, ahead);
        ask_x(free, ahead);
      }
      end_copies();
      step(sum, slot);
      slot = slot == STAGES - 1 ? 0 : slot + 1;
    }
    wait_for_copies<0>();
    __syncthreads();
    finish(sum, reinterpret_cast<float*>(shared));
  }
};
