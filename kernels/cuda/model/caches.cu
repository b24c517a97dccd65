// Queries, keys and values of new tokens: normed, rotated, and appended to a paged cache.
#include "places.cuh"
#include "vectors.cuh"

// Where a head of a row of qkv goes, and what it is normed by: queries first, then keys, then values.
struct Head {
  u32 token, number;
  bool query, value;

  __device__ __forceinline__ Head(u32 item, u32 heads, u32 kv_heads) {
    const u32 slots = heads + 2 * kv_heads;
    token = item / slots;
    const u32 slot = item - token * slots;
    query = slot < heads;
    value = slot >= heads + kv_heads;
    number = query ? slot : value ? slot - heads - kv_heads : slot - heads;
  }
};

// `lanes` neighbours, a power of two, have a head, each a pack of it; half of `rotary` is whole packs.
extern "C" __global__ void __launch_bounds__(128)
    rotary_append(u8* queries, u8* key_cache, u8* value_cache, const u8* qkv, const u8* query_norm, const u8* key_norm, const float* table,
                  const int* positions, const int* rows, const int* tables, u32 tokens, u32 heads, u32 kv_heads, u32 head, u32 rotary, u32 page_size,
                  u32 pages, u32 lanes, float epsilon) {
  const u32 thread = blockIdx.x * blockDim.x + threadIdx.x;
  const u32 item = thread / lanes, lane = thread & (lanes - 1);
  const Head h(item, heads, kv_heads);
  const bool mine = h.token < tokens && lane * EIGHT < head;
  const u8* const norm = h.value ? nullptr : h.query ? query_norm : key_norm;
  Pack weight{0, 0, 0, 0};
  if (norm != nullptr && mine) weight = load_pack(norm + 16 * lane);
  const u32 half = rotary / (2 * EIGHT);
  release_next_kernel();
  wait_for_previous_kernel();
  Place place{0, 0, false};
  if (mine) place = place_of(positions, rows, h.token, page_size, pages);
  Pack x{0, 0, 0, 0};
  if (mine) x = load_pack(qkv + (u64(item) * head + lane * EIGHT) * 2);
  const bool rotated = place.there && !h.value && lane < 2 * half;
  float turn[2 * EIGHT];
  if (rotated) {
    const float* const from = table + (u64(place.position) * (rotary / 2) + (lane < half ? lane : lane - half) * EIGHT) * 2;
#pragma unroll
    for (u32 i = 0; i < 4; i++) {
      const Pack p = load_pack(from + 4 * i);
      turn[4 * i] = __uint_as_float(p.x), turn[4 * i + 1] = __uint_as_float(p.y);
      turn[4 * i + 2] = __uint_as_float(p.z), turn[4 * i + 3] = __uint_as_float(p.w);
    }
  }
  u8* to = queries + (u64(h.token) * heads + h.number) * head * 2;
  if (!h.query && place.there) {
    const u64 row = cache_row(place, tables, page_size, pages);
    to = (h.value ? value_cache : key_cache) + (row * kv_heads + h.number) * head * 2;
  }
  // Every lane of a warp takes part in the exchanges.
  float squares = squares_of(x);
  for (u32 step = lanes / 2; step > 0; step /= 2) squares += __shfl_xor_sync(ALL_LANES, squares, step);
  if (norm != nullptr) x = normed(x, norm_factor(squares, head, epsilon), weight);
  const u32 partner = (lane_id() & ~(lanes - 1)) + (lane < half ? lane + half : lane < 2 * half ? lane - half : lane);
  Pack other;
  other.x = __shfl_sync(ALL_LANES, x.x, partner);
  other.y = __shfl_sync(ALL_LANES, x.y, partner);
  other.z = __shfl_sync(ALL_LANES, x.z, partner);
  other.w = __shfl_sync(ALL_LANES, x.w, partner);
  if (!place.there) return;
  if (rotated) {
    Values a = widen(x);
    const Values b = widen(other);
#pragma unroll
    for (u32 i = 0; i < EIGHT; i++) {
      const float sine = lane < half ? -turn[2 * i + 1] : turn[2 * i + 1];
      a.v[i] = __fmaf_rn(a.v[i], turn[2 * i], __fmul_rn(b.v[i], sine));
    }
    x = narrow(a);
  }
  store_pack(to + 16 * lane, x);
}

// The same for any shape: a warp has a head.
extern "C" __global__ void __launch_bounds__(128)
    rotary_append_any(u8* queries, u8* key_cache, u8* value_cache, const u8* qkv, const u8* query_norm, const u8* key_norm, const float* table,
                      const int* positions, const int* rows, const int* tables, u32 tokens, u32 heads, u32 kv_heads, u32 head, u32 rotary,
                      u32 page_size, u32 pages, float epsilon) {
  const u32 item = (blockIdx.x * blockDim.x + threadIdx.x) / 32;
  const Head h(item, heads, kv_heads);
  const u8* const norm = h.value ? nullptr : h.query ? query_norm : key_norm;
  release_next_kernel();
  wait_for_previous_kernel();
  if (h.token >= tokens) return;
  const Place place = place_of(positions, rows, h.token, page_size, pages);
  if (!place.there) return;
  const u8* const x = qkv + u64(item) * head * 2;
  u8* to = queries + (u64(h.token) * heads + h.number) * head * 2;
  if (!h.query) {
    const u64 row = cache_row(place, tables, page_size, pages);
    to = (h.value ? value_cache : key_cache) + (row * kv_heads + h.number) * head * 2;
  }
  float factor = 0;
  if (norm != nullptr) {
    float squares = 0;
    for (u32 i = lane_id(); i < head; i += 32) squares = __fmaf_rn(bf16_at(x, i), bf16_at(x, i), squares);
    factor = norm_factor(warp_sum(squares), head, epsilon);
  }
  const auto element = [&](u32 i) { return norm != nullptr ? normed(bf16_at(x, i), factor, bf16_at(norm, i)) : bf16_at(x, i); };
  const u32 half = h.value ? 0 : rotary / 2;
  for (u32 i = lane_id(); i < half; i += 32) {
    const u64 at = (u64(place.position) * half + i) * 2;
    const float cosine = table[at], sine = table[at + 1];
    const float a = element(i), b = element(i + half);
    store_bf16(to, i, __fmaf_rn(a, cosine, -__fmul_rn(b, sine)));
    store_bf16(to, i + half, __fmaf_rn(b, cosine, __fmul_rn(a, sine)));
  }
  for (u32 i = 2 * half + lane_id(); i < head; i += 32) store_bf16(to, i, element(i));
}

// A warp has an item of a token: first the latent part, then the rotated part of kv, then the queries. `whole`: latent parts and rows are whole packs.
extern "C" __global__ void __launch_bounds__(128)
    latent_append(u8* queries, u8* cache, const u8* x, const u8* kv, const u8* norm, const float* table, const int* positions, const int* rows,
                  const int* tables, u32 tokens, u32 heads, u32 latent, u32 rotary, u32 page_size, u32 pages, u32 whole, float epsilon) {
  const u32 warp = (blockIdx.x * blockDim.x + threadIdx.x) / 32;
  const u32 token = warp / (heads + 2);
  const u32 item = warp - token * (heads + 2);
  const u32 width = latent + rotary;
  release_next_kernel();
  wait_for_previous_kernel();
  if (token >= tokens) return;
  const Place place = place_of(positions, rows, token, page_size, pages);
  if (!place.there) return;
  u8* const row = item < 2 ? cache + cache_row(place, tables, page_size, pages) * width * 2 : nullptr;
  const u8* const from = kv + u64(token) * width * 2;
  if (item == 0) {
    float squares = 0;
    if (whole) {
      for (u32 i = lane_id(); i < latent / EIGHT; i += 32) squares += squares_of(load_pack(from + 16 * i));
      const float factor = norm_factor(warp_sum(squares), latent, epsilon);
      for (u32 i = lane_id(); i < latent / EIGHT; i += 32)
        store_pack(row + 16 * i, normed(load_pack(from + 16 * i), factor, load_pack(norm + 16 * i)));
    } else {
      for (u32 i = lane_id(); i < latent; i += 32) squares = __fmaf_rn(bf16_at(from, i), bf16_at(from, i), squares);
      const float factor = norm_factor(warp_sum(squares), latent, epsilon);
      for (u32 i = lane_id(); i < latent; i += 32) store_bf16(row, i, normed(bf16_at(from, i), factor, bf16_at(norm, i)));
    }
    return;
  }
  const u64 query = (u64(token) * heads + item - 2) * rotary * 2;
  const u8* const source = item == 1 ? from + 2 * latent : x + query;
  u8* const to = item == 1 ? row + 2 * latent : queries + query;
  const u32 half = rotary / 2;
  for (u32 i = lane_id(); i < half; i += 32) {
    const u64 at = (u64(place.position) * half + i) * 2;
    const float cosine = table[at], sine = table[at + 1];
    const float a = bf16_at(source, 2 * i), b = bf16_at(source, 2 * i + 1);
    store_bf16(to, i, __fmaf_rn(a, cosine, -__fmul_rn(b, sine)));
    store_bf16(to, i + half, __fmaf_rn(b, cosine, __fmul_rn(a, sine)));
  }
}
