// Matrix products out[token][row] = sum over k of x[token][k] * weight[row][k]: what they are of, and the instructions they are made of. Sums are float32, by
// mma.sync, which takes 16 rows of weights by 8 tokens; weights come in by cp.async. CODES 1: x and weights are f8e4m3, 0: bf16.
#pragma once
#include "copies.cuh"
#include "vectors.cuh"

#ifndef CODES
#define CODES 0
#endif
constexpr u32 OPERAND_BYTES = CODES ? 1 : 2;
// Bytes of a row of x or of weights that a step takes.
constexpr u32 STEP_BYTES = 128;

struct Product {
  u8* out;
  const u8* x;
  const u8* weight;
  // [outer], or null.
  const u8* bias;
  // CODES: one factor, or one a token.
  const float* x_scale;
  const float* weight_scale;
  // Experts: numbers of pairs by expert, and where each expert's begin.
  const int* order;
  const int* offsets;
  u32 tokens;
  u32 outer;
  u32 inner;
  // Products side by side: heads, or experts.
  u32 groups;
  // Experts: pairs that have a row of x in common.
  u32 share;
  u32 scale_per_token;
  // Tiles of rows that a block takes, one after another.
  u32 span;
};

#define PRODUCT_PARAMETERS                                                                                                                       \
  u8 *out, const u8 *x, const u8 *weight, const u8 *bias, const float *x_scale, const float *weight_scale, const int *order, const int *offsets, \
      u32 tokens, u32 outer, u32 inner, u32 groups, u32 share, u32 scale_per_token, u32 span
#define PRODUCT \
  Product { out, x, weight, bias, x_scale, weight_scale, order, offsets, tokens, outer, inner, groups, share, scale_per_token, span }

// Tokens that a block takes of one group.
struct Unit {
  u32 group;
  u32 first;
  u32 count;
};

// ---- which rows ----

// Tile `tile` of `size` tokens of a head.
DEVICE Unit dense_unit(const Product& a, u32 size, u32 tile, u32 head) {
  const u32 first = tile * size;
  return {head, first, min(size, a.tokens - first)};
}
// Tile number `wanted` of all experts' tiles of `size` pairs; count 0 when there are fewer. All lanes of a warp call it.
DEVICE Unit expert_unit(const Product& a, u32 size, u32 wanted) {
  constexpr u32 AHEAD = 4;
  u32 before = 0;
  Unit unit{0, 0, 0};
  for (u32 base = 0; base < a.groups && unit.count == 0; base += 32 * AHEAD) {
    u32 from[AHEAD], to[AHEAD];
#pragma unroll
    for (u32 i = 0; i < AHEAD; i++) {
      const u32 e = base + 32 * i + lane_id();
      from[i] = e < a.groups ? a.offsets[e] : 0;
      to[i] = e < a.groups ? a.offsets[e + 1] : 0;
    }
#pragma unroll
    for (u32 i = 0; i < AHEAD; i++) {
      const u32 tiles = (to[i] - from[i] + size - 1) / size;
      u32 end = tiles;
#pragma unroll
      for (u32 step = 1; step < 32; step *= 2) {
        const u32 lower = __shfl_up_sync(ALL_LANES, end, step);
        if (lane_id() >= step) end += lower;
      }
      const u32 all = __shfl_sync(ALL_LANES, end, 31);
      if (unit.count == 0 && wanted < before + all) {
        const u32 owner = __ffs(__ballot_sync(ALL_LANES, before + end > wanted)) - 1;
        const u32 first = from[i] + (wanted - (before + end - tiles)) * size;
        const u32 count = min(size, to[i] - first);
        unit = {base + 32 * i + owner, __shfl_sync(ALL_LANES, first, owner), __shfl_sync(ALL_LANES, count, owner)};
      }
      before += all;
    }
  }
  return unit;
}
// Rows of x and of out that token `t` of a unit has.
struct RowPair {
  u32 x;
  u32 out;
};
template <bool EXPERTS>
DEVICE RowPair rows_of(const Product& a, const Unit& unit, u32 t) {
  if (EXPERTS) {
    const u32 pair = u32(a.order[unit.first + t]);
    return {pair / a.share, pair};
  }
  const u32 row = (unit.first + t) * a.groups + unit.group;
  return {row, row};
}

// ---- from shared memory ----

DEVICE Pack load_shared(u32 from) {
  Pack v;
  asm volatile("ld.shared.v4.u32 {%0, %1, %2, %3}, [%4];" : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w) : "r"(from) : "memory");
  return v;
}
// Four matrices of 8 rows of 16 bytes, whose rows' addresses the lanes give; lane l has bytes 4 * (l % 4) of row l / 4 of each.
DEVICE Pack load_matrices(u32 from) {
  Pack v;
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
               : "r"(from)
               : "memory");
  return v;
}

// ---- products of tiles ----

// sum += rows by tokens; lane l has rows l / 4 and l / 4 + 8 of a, token l / 4 of b, and tokens 2 * (l % 4) and the next of sum.
DEVICE void multiply(float (&sum)[4], u32 a0, u32 a1, u32 a2, u32 a3, u32 b0, u32 b1) {
#if CODES
  asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
#else
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
#endif
      : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
      : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b0), "r"(b1));
}

#if CODES
// Two codes as f16, which has all of their values.
DEVICE u32 decode(u32 codes) {
  u32 pair;
#if __CUDA_ARCH__ >= 890
  asm("cvt.rn.f16x2.e4m3x2 %0, %1;" : "=r"(pair) : "h"(u16(codes)));
#else
  // The exponent's bias is 15 instead of 7: times 2^8, exact for subnormals too.
  const u32 low = codes & 0xff, high = codes >> 8 & 0xff;
  const u32 bits = ((low & 0x80) << 8 | (low & 0x7f) << 7) | ((high & 0x80) << 24 | (high & 0x7f) << 23);
  asm("mul.f16x2 %0, %1, %2;" : "=r"(pair) : "r"(bits), "r"(0x5c005c00u));
  if ((low & 0x7f) == 0x7f) pair |= 0x7fffu;
  if ((high & 0x7f) == 0x7f) pair |= 0x7fff0000u;
#endif
  return pair;
}
#endif

// The same of 16 bytes of each row: `low` is of row l / 4 and `high` of row l / 4 + 8 of the weights, 4 lanes have 64 bytes of a row. Which k a register stands
// for does not matter as long as weights and x agree.
DEVICE void multiply_packs(float (&sum)[4], const Pack& low, const Pack& high, const Pack& x) {
#if CODES
  multiply(sum, decode(low.x), decode(high.x), decode(low.x >> 16), decode(high.x >> 16), decode(x.x), decode(x.x >> 16));
  multiply(sum, decode(low.y), decode(high.y), decode(low.y >> 16), decode(high.y >> 16), decode(x.y), decode(x.y >> 16));
  multiply(sum, decode(low.z), decode(high.z), decode(low.z >> 16), decode(high.z >> 16), decode(x.z), decode(x.z >> 16));
  multiply(sum, decode(low.w), decode(high.w), decode(low.w >> 16), decode(high.w >> 16), decode(x.w), decode(x.w >> 16));
#else
  multiply(sum, low.x, high.x, low.y, high.y, x.x, x.y);
  multiply(sum, low.z, high.z, low.w, high.w, x.z, x.w);
#endif
}
// The same of 32 bytes of each row, as ldmatrix gives them: a is rows 0 to 7 and 8 to 15 of the first 16 bytes, then of the others.
DEVICE void multiply_matrices(float (&sum)[4], const Pack& a, u32 b0, u32 b1) {
#if CODES
  multiply(sum, decode(a.x), decode(a.y), decode(a.x >> 16), decode(a.y >> 16), decode(b0), decode(b0 >> 16));
  multiply(sum, decode(a.z), decode(a.w), decode(a.z >> 16), decode(a.w >> 16), decode(b1), decode(b1 >> 16));
#else
  multiply(sum, a.x, a.y, a.z, a.w, b0, b1);
#endif
}

// ---- blocks that share one sum (sm_90 and up; elsewhere there is one) ----

DEVICE u32 cluster_blocks() {
  u32 n = 1;
#if __CUDA_ARCH__ >= 900
  asm("mov.u32 %0, %cluster_nctaid.x;" : "=r"(n));
#endif
  return n;
}
DEVICE u32 cluster_rank() {
  u32 rank = 0;
#if __CUDA_ARCH__ >= 900
  asm("mov.u32 %0, %cluster_ctarank;" : "=r"(rank));
#endif
  return rank;
}
// What blocks of the cluster wrote to their shared memory before is visible after it.
DEVICE void meet_cluster() {
#if __CUDA_ARCH__ >= 900
  asm volatile("barrier.cluster.arrive.release.aligned;\nbarrier.cluster.wait.acquire.aligned;" ::: "memory");
#else
  __syncthreads();
#endif
}
// A float at an address of shared memory, of another block of the cluster.
DEVICE float load_cluster(u32 from, u32 rank) {
  float x;
#if __CUDA_ARCH__ >= 900
  asm volatile("{ .reg .u32 p; mapa.shared::cluster.u32 p, %1, %2; ld.shared::cluster.f32 %0, [p]; }" : "=f"(x) : "r"(from), "r"(rank) : "memory");
#else
  asm volatile("ld.shared.f32 %0, [%1];" : "=f"(x) : "r"(from) : "memory");
#endif
  return x;
}

// ---- the end of a sum ----

DEVICE float scaled(const Product& a, float sum, u32 row) {
  return CODES ? sum * (a.x_scale[a.scale_per_token ? row : 0] * a.weight_scale[0]) : sum;
}
DEVICE float finished(const Product& a, float sum, u32 row, u32 column) {
  const float x = scaled(a, sum, row);
  return a.bias == nullptr ? x : x + bf16_at(a.bias, column);
}
