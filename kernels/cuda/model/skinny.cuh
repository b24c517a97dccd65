// Products of few tokens: their time is that of reading the weights, once. Weights go through rings of shared memory, one a warp, in which a lane reads only what it
// copied itself: nothing but the lane's own wait stands between a copy and its use. The warps of a block, and the blocks of a cluster, have
// the same rows and take turns along k; their sums are added in that order. A block goes on to its next tile of rows without draining its ring.
//
// The first steps' weights are asked for before the kernel before has ended. x is not.
#pragma once
#include "products.cuh"

// NT: tiles of 8 tokens, MT: tiles of 16 rows of weights, at a time. `x_rows`: tokens of a tile that have room in the ring.
template <u32 NT, u32 MT, bool EXPERTS>
struct Skinny {
  static constexpr u32 ROWS = 16 * MT, TOKENS = 8 * NT;
  // Steps that a ring holds.
  static constexpr u32 STAGES = NT == 1 ? 4 : 3;
  // Of sums in shared memory: no two of a warp in one bank.
  static constexpr u32 PITCH = ROWS + 4;
  static constexpr u32 WEIGHT_BYTES = MT * 4 * 512;

  const Product& a;
  Unit unit;
  const u32 group, lane4, warp, warps, rank, ranks;
  const u32 x_rows, stage_bytes;
  // Bytes of a row, steps of a warp along it.
  const u64 pitch;
  const u32 steps;
  const u32 first, end;
  u32 ring;
  const u8* weight;
  const u8* x[NT];
  bool there[NT];

  // What comes next into the ring.
  u32 next_tile, next_step;

  __device__ __forceinline__ Skinny(const Product& product, u32 tokens_with_room)
      : a(product),
        group(lane_id() / 4),
        lane4(lane_id() % 4),
        warp(threadIdx.x / 32),
        warps(blockDim.x / 32),
        rank(cluster_rank()),
        ranks(cluster_blocks()),
        x_rows(NT > 1 ? 8 : tokens_with_room),
        stage_bytes(WEIGHT_BYTES + NT * 2 * x_rows * 64),
        pitch(u64(product.inner) * OPERAND_BYTES),
        steps((u32((pitch + STEP_BYTES - 1) / STEP_BYTES) + warps * ranks - 1) / (warps * ranks)),
        first(blockIdx.x / ranks * product.span),
        end(min(first + product.span, (product.outer + ROWS - 1) / ROWS)) {}

  // Where the lane's 16 bytes of a step begin in a row, of half `h`.
  __device__ __forceinline__ u32 column(u32 step, u32 h) const { return ((step * ranks + rank) * warps + warp) * STEP_BYTES + h * 64 + lane4 * 16; }

  __device__ __forceinline__ void ask_weights(u32 slot) {
    if (next_tile >= end) return;
    const u32 to = ring + slot * stage_bytes + lane_id() * 16;
#pragma unroll
    for (u32 m = 0; m < 2 * MT; m++) {
      const u32 row = min(next_tile * ROWS + m * 8 + group, a.outer - 1);
      const u8* const from = weight + row * pitch;
#pragma unroll
      for (u32 h = 0; h < 2; h++) {
        const u32 at = column(next_step, h);
        copy_pack(to + (m * 2 + h) * 512, from + at, at < pitch);
      }
    }
  }
  __device__ __forceinline__ void ask_x(u32 slot, u32 step) {
    if (group >= x_rows) return;
    const u32 to = ring + slot * stage_bytes + WEIGHT_BYTES + lane_id() * 16;
#pragma unroll
    for (u32 n = 0; n < NT; n++)
#pragma unroll
      for (u32 h = 0; h < 2; h++) {
        const u32 at = column(step, h);
        copy_pack(to + (n * 2 + h) * x_rows * 64, x[n] + at, there[n] && at < pitch);
      }
  }
  __device__ __forceinline__ void advance() {
    if (++next_step < steps) return;
    next_step = 0;
    next_tile++;
  }

  __device__ __forceinline__ void find_x() {
#pragma unroll
    for (u32 n = 0; n < NT; n++) {
      there[n] = n * 8 + group < unit.count;
      x[n] = a.x + (there[n] ? rows_of<EXPERTS>(a, unit, n * 8 + group).x * pitch : 0);
    }
  }

  __device__ __forceinline__ void step(float (&sum)[MT][NT][4], u32 slot) {
    const u32 from = ring + slot * stage_bytes + lane_id() * 16;
#pragma unroll
    for (u32 h = 0; h < 2; h++) {
      Pack rows[2 * MT];
#pragma unroll
      for (u32 m = 0; m < 2 * MT; m++) rows[m] = load_shared(from + (m * 2 + h) * 512);
#pragma unroll
      for (u32 n = 0; n < NT; n++) {
        Pack tokens{0, 0, 0, 0};
        if (group < x_rows) tokens = load_shared(from + WEIGHT_BYTES + (n * 2 + h) * x_rows * 64);
#pragma unroll
        for (u32 m = 0; m < MT; m++) multiply_packs(sum[m][n], rows[2 * m], rows[2 * m + 1], tokens);
      }
    }
  }

  __device__ __forceinline__ void store(u32 token, u32 row, float sum) {
    if (row >= a.outer) return;
    const u32 to = rows_of<EXPERTS>(a, unit, token).out;
    store_bf16(a.out, u64(to) * a.outer + row, finished(a, sum, to, row));
  }

  // Adds the sums of all warps, and of all blocks of the cluster, and stores them. `sums`: [warps][TOKENS][PITCH], of which there are two in turn.
  __device__ __forceinline__ void finish(const float (&sum)[MT][NT][4], float* sums, u32 tile) {
    float* const own = sums + warp * TOKENS * PITCH;
#pragma unroll
    for (u32 m = 0; m < MT; m++)
#pragma unroll
      for (u32 n = 0; n < NT; n++)
#pragma unroll
        for (u32 i = 0; i < 4; i++) own[(n * 8 + lane4 * 2 + i % 2) * PITCH + m * 16 + group + i / 2 * 8] = sum[m][n][i];
    __syncthreads();
    const u32 elements = unit.count * ROWS;
    for (u32 e = threadIdx.x; e < elements; e += blockDim.x) {
      const u32 token = e / ROWS, row = e % ROWS;
      float all = 0;
      for (u32 w = 0; w < warps; w++) all += sums[(w * TOKENS + token) * PITCH + row];
      if (ranks == 1)
        store(token, tile * ROWS + row, all);
      else
        sums[token * PITCH + row] = all;
    }
    if (ranks == 1) return;
    meet_cluster();
    for (u32 e = threadIdx.x + rank * blockDim.x; e < elements; e += ranks * blockDim.x) {
      const u32 token = e / ROWS, row = e % ROWS;
      float all = 0;
      for (u32 r = 0; r < ranks; r++) all += load_cluster(shared_address(sums + token * PITCH + row), r);
      store(token, tile * ROWS + row, all);
    }
  }

  __device__ __forceinline__ void run() {
    extern __shared__ u8 shared[];
    const u32 sums_floats = warps * TOKENS * PITCH;
    float* const sums = reinterpret_cast<float*>(shared);
    ring = shared_address(shared) + 2 * sums_floats * 4 + warp * STAGES * stage_bytes;
    release_next_kernel();
    if (EXPERTS) {
      wait_for_previous_kernel();
      unit = expert_unit(a, TOKENS, blockIdx.y);
      // All blocks of a cluster have the same unit.
      if (unit.count == 0) return;
    } else {
      unit = dense_unit(a, TOKENS, blockIdx.y, blockIdx.z);
    }
    weight = a.weight + u64(unit.group) * a.outer * pitch;
    next_tile = first;
    next_step = 0;
#pragma unroll
    for (u32 s = 0; s < STAGES - 1; s++) {
      ask_weights(s);
      advance();
    }
    if (!EXPERTS) wait_for_previous_kernel();
    // Which rows of x is read from memory for experts: weights are on their way already.
    find_x();
    u32 x_step = 0;
#pragma unroll
    for (u32 s = 0; s < STAGES - 1; s++) {
      ask_x(s, x_step);
      end_copies();
      if (++x_step == steps) x_step = 0;
    }
    u32 slot = 0;
    for (u32 tile = first; tile < end; tile++) {
      float sum[MT][NT][4] = {};
      for (u32 i = 0; i < steps; i++) {
        wait_for_copies<STAGES - 2>();
        // The slot before this one has been read.
        const u32 free = slot == 0 ? STAGES - 1 : slot - 1;
        ask_weights(free);
        if (next_tile < end) ask_x(free, next_step);
        end_copies();
        advance();
        step(sum, slot);
        slot = slot == STAGES - 1 ? 0 : slot + 1;
      }
      finish(sum, sums + (tile & 1) * sums_floats, tile);
    }
    // Others may still read this block's shared memory.
    if (ranks > 1) meet_cluster();
  }
};
