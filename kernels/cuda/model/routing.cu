// Mixture of experts: which experts a token goes to, which tokens an expert has, and the sum of what they made.
#include "order.cuh"
#include "vectors.cuh"

// A warp has a token, and each of its lanes up to K logits. A key is a logit's order with its number behind it, so that the largest of a
// warp is one instruction: the lower number first among equals.
template <u32 K>
DEVICE void route_of(float* weights, int* experts, const u8* logits, u32 tokens, u32 count, u32 choices, u32 normalize, float scale) {
  const u32 token = (blockIdx.x * blockDim.x + threadIdx.x) / 32;
  release_next_kernel();
  wait_for_previous_kernel();
  if (token >= tokens) return;
  const u32 lane = lane_id();
  float x[K];
  u32 keys[K];
#pragma unroll
  for (u32 k = 0; k < K; k++) {
    const u32 i = lane + 32 * k;
    const u32 bits = i < count ? reinterpret_cast<const u16*>(logits)[u64(token) * count + i] : 0xff80u;
    x[k] = __uint_as_float(bits << 16);
    keys[k] = i < count ? order_of_bf16(bits) << 16 | (0xffff - i) : 0;
  }
  float most = x[0];
#pragma unroll
  for (u32 k = 1; k < K; k++) most = fmaxf(most, x[k]);
  most = warp_max(most);
  // Lane j gets the choice j.
  u32 chosen = 0;
  for (u32 j = 0; j < choices; j++) {
    u32 key = keys[0];
#pragma unroll
    for (u32 k = 1; k < K; k++) key = key > keys[k] ? key : keys[k];
    key = __reduce_max_sync(ALL_LANES, key);
#pragma unroll
    for (u32 k = 0; k < K; k++) keys[k] = keys[k] == key ? 0 : keys[k];
    if (lane == j) chosen = key;
  }
  const u32 expert = 0xffff - (chosen & 0xffff);
  float weight = 0;
  if (lane < choices) weight = expf(bf16_at(logits, u64(token) * count + expert) - most);
  float part = weight;
  if (!normalize) {
    part = 0;
#pragma unroll
    for (u32 k = 0; k < K; k++)
      if (lane + 32 * k < count) part += expf(x[k] - most);
  }
  weight = __fmul_rn(__fdiv_rn(weight, warp_sum(part)), scale);
  if (lane >= choices) return;
  weights[u64(token) * choices + lane] = weight;
  experts[u64(token) * choices + lane] = int(expert);
}

#define ROUTE(experts_a_lane)                                                                                                                  \
  extern "C" __global__ void __launch_bounds__(128) route_##experts_a_lane(float* weights, int* experts, const u8* logits, u32 tokens, u32 count, \
                                                                         u32 choices, u32 normalize, float scale) {                           \
    route_of<experts_a_lane>(weights, experts, logits, tokens, count, choices, normalize, scale);                                             \
  }
ROUTE(2)
ROUTE(4)
ROUTE(16)

// A block has an expert. It reads the experts of all pairs, counts those of experts before its own, and writes its own in order: no block waits for another.
extern "C" __global__ void __launch_bounds__(1024) group_experts(int* order, int* offsets, const int* experts, u32 pairs, u32 count, u32 start) {
  constexpr u32 UNROLL = 4;
  __shared__ u32 before[32], own[32];
  const u32 expert = blockIdx.x;
  const u32 lane = lane_id(), warp = threadIdx.x / 32, warps = blockDim.x / 32;
  // Warps have neighbouring pairs, so that the order of warps is that of pairs.
  const u32 share = (pairs + warps * 32 - 1) / (warps * 32) * 32;
  const u32 begin = warp * share < pairs ? warp * share : pairs;
  const u32 end = begin + share < pairs ? begin + share : pairs;
  release_next_kernel();
  wait_for_previous_kernel();
  u32 lower = 0, equal = 0;
  for (u32 first = begin; first < end; first += 32 * UNROLL) {
    u32 e[UNROLL];
#pragma unroll
    for (u32 u = 0; u < UNROLL; u++) {
      const u32 i = first + 32 * u + lane;
      e[u] = i < end ? u32(experts[i]) - start : ~0u;
    }
#pragma unroll
    for (u32 u = 0; u < UNROLL; u++) {
      lower += e[u] < expert ? 1 : 0;
      equal += e[u] == expert ? 1 : 0;
    }
  }
  lower = __reduce_add_sync(ALL_LANES, lower);
  equal = __reduce_add_sync(ALL_LANES, equal);
  if (lane == 0) before[warp] = lower, own[warp] = equal;
  __syncthreads();
  const u32 offset = __reduce_add_sync(ALL_LANES, lane < warps ? before[lane] : 0);
  u32 at = offset + __reduce_add_sync(ALL_LANES, lane < warp ? own[lane] : 0);
  if (threadIdx.x == 0) offsets[expert] = int(offset);
  if (threadIdx.x == blockDim.x - 1 && expert == count - 1) offsets[count] = int(at + equal);
  for (u32 first = begin; first < end && equal > 0; first += 32) {
    const u32 i = first + lane;
    const bool here = i < end && u32(experts[i]) - start == expert;
    const u32 lanes = __ballot_sync(ALL_LANES, here);
    if (here) order[at + __popc(lanes & ((1u << lane) - 1))] = int(i);
    at += __popc(lanes);
  }
}

// A thread has a pack of a token's row, or an element where rows are not whole packs. With `early`, rows are read before it is known whether their expert is here,
// which costs bytes and saves time where there are few.
extern "C" __global__ void __launch_bounds__(128) combine(u8* out, const u8* x, const float* weights, const int* experts, u32 tokens, u32 choices,
                                                          u32 hidden, u32 start, u32 count, u32 whole, u32 early) {
  constexpr u32 UNROLL = 8;
  const u32 width = whole ? hidden / EIGHT : hidden;
  const u32 thread = blockIdx.x * blockDim.x + threadIdx.x;
  const u32 token = thread / width;
  const u32 column = thread - token * width;
  release_next_kernel();
  wait_for_previous_kernel();
  if (token >= tokens) return;
  const u64 pair = u64(token) * choices;
  if (!whole) {
    float sum = 0;
    for (u32 j = 0; j < choices; j++)
      if (u32(experts[pair + j]) - start < count) sum = __fmaf_rn(weights[pair + j], bf16_at(x, (pair + j) * hidden + column), sum);
    store_bf16(out, u64(token) * hidden + column, sum);
    return;
  }
  Values sum{};
  for (u32 first = 0; first < choices; first += UNROLL) {
    Pack rows[UNROLL];
    float factors[UNROLL];
    bool here[UNROLL];
#pragma unroll
    for (u32 u = 0; u < UNROLL; u++) {
      const u32 j = first + u;
      here[u] = j < choices && u32(experts[pair + j]) - start < count;
      factors[u] = j < choices ? weights[pair + j] : 0;
      if (j < choices && (early || here[u])) rows[u] = load_pack(x + ((pair + j) * hidden + column * EIGHT) * 2);
    }
#pragma unroll
    for (u32 u = 0; u < UNROLL; u++) {
      if (!here[u]) continue;
      const Values v = widen(rows[u]);
#pragma unroll
      for (u32 k = 0; k < EIGHT; k++) sum.v[k] = __fmaf_rn(factors[u], v.v[k], sum.v[k]);
    }
  }
  store_pack(out + (u64(token) * hidden + column * EIGHT) * 2, narrow(sum));
}
