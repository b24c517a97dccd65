// Attention of many tokens a sequence (FlashAttention): a block takes 64 tokens and a head, a warp 16 of them, and reads the places that the tokens may see in tiles, two
// of which are in shared memory. Scores and their weights stay in registers, weights rounded to bf16.
//
// Tokens of several sequences may share a tile: it goes once through the places of every one of them. Blocks of the last tokens, which see most, start first.
#include "attention.cuh"

// Places of a tile: fewer for longer heads, of whose values a warp has sums in registers.
#ifndef PLACES
#define PLACES 64
#endif

constexpr u32 ROWS = 64;
constexpr u32 WARPS = 4;
constexpr u32 THREADS = 32 * WARPS;
// Rows that a warp finds at a time, one a lane.
constexpr u32 FOUND = PLACES < 32 ? PLACES : 32;
constexpr u32 EIGHTS = PLACES / 8;
constexpr u32 COLUMNS = VALUE / 8;
constexpr u32 STAGE_BYTES = PLACES * (KEY_STRIDE + VALUE_STRIDE);
constexpr u32 QUERY_BYTES = ROWS * KEY_STRIDE;
// attention-shapes.ts computes the same sums.
// Queries of short heads move to registers, out of the second stage, which they lie in at first.
constexpr bool KEPT = DEPTH <= 128 && QUERY_BYTES <= STAGE_BYTES;
constexpr u32 AT_QUERIES = KEPT ? STAGE_BYTES : 2 * STAGE_BYTES;
constexpr u32 SIXTEENS = DEPTH / 16;
// Eights of columns of values that are loaded at a time.
constexpr u32 BATCH = 8;
static_assert(LATENT == 0 && ROPE == 0, "latent attention of prompts is attention_latent.cu's");

extern "C" __global__ void __launch_bounds__(THREADS, DEPTH <= 64 && VALUE <= 64 ? 3 : 2)
    prefill_attention(u8* out, const u8* query, const u8* key_cache, const u8* value_cache, const int* positions, const int* rows, const int* tables,
                      u32 tokens, u32 heads, u32 kv_heads, u32 page_size, u32 pages_per_sequence, float scale) {
  extern __shared__ __align__(16) u8 memory[];
  __shared__ u32 ends[ROWS];
  __shared__ u32 sequences[ROWS];
  __shared__ u32 ring[RING];
  const u32 base = shared_address(memory);
  const u32 queries = base + AT_QUERIES;
  const u32 thread = threadIdx.x, warp = thread / 32, lane = lane_id();
  const u32 head = blockIdx.x % heads;
  const u32 kv_head = u32(u64(head) * kv_heads / heads);
  const u32 token = ((tokens + ROWS - 1) / ROWS - 1 - blockIdx.x / heads) * ROWS;
  const u32 token_count = min(ROWS, tokens - token);
  const u32 key_row = kv_heads * (KEY_PACKS * 16);
  const u32 value_row = kv_heads * (VALUE_PACKS * 16);
  const u8* const keys = key_cache + kv_head * (KEY_PACKS * 16);
  const u8* const values = value_cache + kv_head * (VALUE_PACKS * 16);
  const auto copy_tile = [&](u32 stage, const u32 (&slots)[PLACES / FOUND]) {
    const u32 to = base + stage * STAGE_BYTES;
#pragma unroll
    for (u32 k = 0; k < PLACES / FOUND; k++) {
      copy_rows<FOUND, DEPTH / 8, KEY_PACKS, KEY_STRIDE, THREADS>(to + k * FOUND * KEY_STRIDE, keys, key_row, slots[k]);
      copy_rows<FOUND, VALUE_PACKS, VALUE_PACKS, VALUE_STRIDE, THREADS>(to + PLACES * KEY_STRIDE + k * FOUND * VALUE_STRIDE, values, value_row, slots[k]);
    }
  };

  release_next_kernel();
  wait_for_previous_kernel();
  if (thread < ROWS) {
    ends[thread] = thread < token_count ? u32(positions[token + thread]) + 1 : 0;
    sequences[thread] = thread < token_count ? u32(rows[token + thread]) : 0;
  }
  for (u32 i = thread; i < ROWS * (DEPTH / 8); i += THREADS) {
    const u32 row = i / (DEPTH / 8);
    const bool has = row < token_count;
    copy_query(queries + row * KEY_STRIDE, query, nullptr, u64(has ? token + row : 0) * heads + head, i % (DEPTH / 8), has);
  }
  end_copies();
  wait_for_copies<0>();
  __syncthreads();
  Fragment kept[KEPT ? SIXTEENS : 1];
  if (KEPT) {
#pragma unroll
    for (u32 k = 0; k < SIXTEENS; k++) kept[k] = load_matrices(rows_address(queries, KEY_STRIDE, warp * 16, k * 16));
  }

  const u32 own[2] = {warp * 16 + lane / 4, warp * 16 + lane / 4 + 8};
  const u32 own_queries = rows_address(queries, KEY_STRIDE, warp * 16, 0);
  const u32 wide_lane = wide_address(0, KEY_STRIDE, 0, 0), narrow_lane = lane % 8 * KEY_STRIDE + lane / 8 % 2 * 16;
  const float factor = scale * LOG2E;
  float maximum[2] = {minus_infinity(), minus_infinity()};
  float sum[2] = {0.f, 0.f};
  float sums[COLUMNS][4] = {};

  for (u32 first = 0; first < token_count; first++) {
    // Once for every sequence that the tile has tokens of: when the first of them comes.
    const u32 sequence = sequences[first];
    bool seen = false;
    for (u32 i = first; i > 0 && !seen; i--) seen = sequences[i - 1] == sequence;
    if (seen) continue;
    u32 end = 0;
    for (u32 i = first; i < token_count; i++) end = sequences[i] == sequence ? max(end, ends[i]) : end;
    // Of this lane's rows; all rows of the warp see what lies below `whole`, and none what lies from `past` on.
    u32 row_end[2];
#pragma unroll
    for (u32 half = 0; half < 2; half++) row_end[half] = sequences[own[half]] == sequence ? ends[own[half]] : 0;
    const u32 whole = __reduce_min_sync(ALL_LANES, min(row_end[0], row_end[1]));
    const u32 past = __reduce_max_sync(ALL_LANES, max(row_end[0], row_end[1]));
    const int* const table = tables + u64(sequence) * pages_per_sequence;
    u32 slots[PLACES / FOUND];
    const auto find = [&](u32 begin) {
#pragma unroll
      for (u32 k = 0; k < PLACES / FOUND; k++) slots[k] = slot_of(ring, 0, begin + k * FOUND + lane, end, page_size);
    };

    // All warps have read what this overwrites.
    __syncthreads();
    copy_entries<THREADS>(shared_address(ring), table, 0, 0, RING, end, page_size);
    end_copies();
    wait_for_copies<0>();
    __syncthreads();
    find(0);
    copy_tile(0, slots);
    end_copies();
    u32 stage = 0;
    for (u32 begin = 0; begin < end; begin += PLACES) {
      wait_for_copies<0>();
      __syncthreads();
      if (begin > 0 && begin % (RING / 2) == 0)
        copy_entries<THREADS>(shared_address(ring), table, 0, begin + RING / 2, RING / 2, end, page_size);
      if (begin + PLACES < end) {
        find(begin + PLACES);
        copy_tile(stage ^ 1, slots);
      }
      end_copies();
      const u32 tile = base + stage * STAGE_BYTES;
      stage ^= 1;
      if (begin >= past) continue;

      float score[EIGHTS][4] = {};
#pragma unroll
      for (u32 k = 0; k < SIXTEENS; k += 2) {
        const bool two = k + 1 < SIXTEENS;
        // Loads first, so that they are under way together.
        Fragment a, more, b[EIGHTS];
        // Where 16 elements are left, the upper lanes' addresses repeat those of the lower.
#pragma unroll
        for (u32 n = 0; n < EIGHTS; n++) b[n] = load_matrices(tile + (two ? wide_lane : narrow_lane) + n * 8 * KEY_STRIDE + k * 32);
        a = KEPT ? kept[KEPT ? k : 0] : load_matrices(own_queries + k * 32);
        if (two) more = KEPT ? kept[KEPT ? k + 1 : 0] : load_matrices(own_queries + k * 32 + 32);
#pragma unroll
        for (u32 n = 0; n < EIGHTS; n++) multiply(score[n], a, b[n].r[0], b[n].r[1]);
#pragma unroll
        for (u32 n = 0; n < EIGHTS; n++)
          if (two) multiply(score[n], more, b[n].r[2], b[n].r[3]);
      }
      float now[2] = {maximum[0], maximum[1]};
      const bool masked = begin + PLACES > whole;
#pragma unroll
      for (u32 n = 0; n < EIGHTS; n++)
#pragma unroll
        for (u32 j = 0; j < 4; j++) {
          score[n][j] *= factor;
          if (masked && begin + n * 8 + lane % 4 * 2 + j % 2 >= row_end[j / 2]) score[n][j] = minus_infinity();
          now[j / 2] = fmaxf(now[j / 2], score[n][j]);
        }
      float under[2];
      bool grew = false;
      float shrink[2];
#pragma unroll
      for (u32 half = 0; half < 2; half++) {
        now[half] = row_max(now[half]);
        under[half] = exponent_base(now[half]);
        shrink[half] = exp2_fast(maximum[half] - under[half]);
        grew = grew || now[half] != maximum[half];
        maximum[half] = now[half];
        sum[half] *= shrink[half];
      }
      if (__any_sync(ALL_LANES, grew)) {
#pragma unroll
        for (u32 n = 0; n < COLUMNS; n++)
#pragma unroll
          for (u32 j = 0; j < 4; j++) sums[n][j] *= shrink[j / 2];
      }
      // A lane's scores are where its part of the next product's left operand has to be.
      Fragment weights[EIGHTS / 2];
#pragma unroll
      for (u32 n = 0; n < EIGHTS; n++)
#pragma unroll
        for (u32 half = 0; half < 2; half++) {
          const float x = exp2_fast(score[n][2 * half] - under[half]), y = exp2_fast(score[n][2 * half + 1] - under[half]);
          sum[half] += x + y;
          weights[n / 2].r[n % 2 * 2 + half] = narrow(x, y);
        }
      const u32 value_tile = tile + PLACES * KEY_STRIDE + lane % 16 * VALUE_STRIDE;
#pragma unroll
      for (u32 k = 0; k < PLACES / 16; k++)
#pragma unroll
        for (u32 first_column = 0; first_column < COLUMNS; first_column += BATCH) {
          Fragment b[BATCH / 2];
#pragma unroll
          for (u32 n = 0; n < BATCH && first_column + n < COLUMNS; n += 2) {
            const u32 column = first_column + n;
            b[n / 2] = load_transposed(value_tile + k * 16 * VALUE_STRIDE + column * 16 + (column + 1 < COLUMNS ? lane / 16 * 16 : 0));
          }
#pragma unroll
          for (u32 n = 0; n < BATCH && first_column + n < COLUMNS; n++)
            multiply(sums[first_column + n], weights[k], b[n / 2].r[n % 2 * 2], b[n / 2].r[n % 2 * 2 + 1]);
        }
    }
  }

#pragma unroll
  for (u32 half = 0; half < 2; half++) {
    const float inverse = reciprocal(row_sum(sum[half]));
    if (own[half] >= token_count) continue;
    u8* const to = out + (u64(token + own[half]) * heads + head) * (VALUE * 2);
#pragma unroll
    for (u32 n = 0; n < COLUMNS; n++)
      *reinterpret_cast<u32*>(to + (n * 8 + lane % 4 * 2) * 2) = narrow(sums[n][2 * half] * inverse, sums[n][2 * half + 1] * inverse);
  }
}
