// Attention with long keys, latent attention above all, of few tokens a sequence or of many: sums of values that a warp's registers are too few for.
//
// A block takes a tile of up to 16 * TILES rows, which are the query heads that read one head of the cache, of one token or of several, and a share of the
// places: `gridDim.y` shares at most, each of `least` places at least. Places come in tiles of PLACES, STAGES of which are in shared memory or on their way. Warps
// split a tile of scores by places, and its product with values by columns; weights go through shared memory, rounded to bf16.
// The block that ends last of a tile merges what the others have left in `scratch`; none waits for another.
#include "attention_merge.cuh"

#ifndef TILES
#define TILES 1
#endif
#ifndef STAGES
#define STAGES 2
#endif
// 64 where shared memory has room for two such tiles, with TILES 1 only.
#ifndef PLACES
#define PLACES 32
#endif

constexpr u32 ROWS = 16 * TILES;
constexpr u32 WARPS = TILES == 1 && PLACES == 32 ? 4 : 8;
constexpr u32 THREADS = 32 * WARPS;
// Of a tile of scores, warps that share 16 rows, and eights of places that each has.
constexpr u32 SHARERS = WARPS / TILES;
constexpr u32 EIGHTS = PLACES / 8 / SHARERS;
constexpr u32 CHAINS = 4 / EIGHTS;
// Of a key, sixteens of elements: all, and those loaded at a time.
constexpr u32 SIXTEENS = DEPTH / 16;
constexpr u32 BATCH = TILES == 4 ? 4 : 8;
// Where a warp has few columns of values, so many sixteens of its queries stay in registers.
constexpr int KEPT = TILES > 1 || WARPS < 8 ? 0 : SIXTEENS < 28 ? int(SIXTEENS) : 28;
// Of values, eights of columns: all, and a warp's.
constexpr u32 COLUMNS = VALUE / 8;
constexpr u32 OWN = (COLUMNS + WARPS - 1) / WARPS;
constexpr u32 WEIGHT_STRIDE = PLACES * 2 + 16;

constexpr u32 STAGE_BYTES = PLACES * (KEY_STRIDE + (LATENT ? 0 : VALUE_STRIDE));
constexpr u32 AT_STAGES = ROWS * KEY_STRIDE;
// Where factors of shares lie, too, in the end.
constexpr u32 STAGES_BYTES = STAGES * STAGE_BYTES > MOST_SHARES * ROWS * 4 ? STAGES * STAGE_BYTES : MOST_SHARES * ROWS * 4;
constexpr u32 AT_WEIGHTS = AT_STAGES + STAGES_BYTES;
constexpr u32 AT_STATISTICS = AT_WEIGHTS + ROWS * WEIGHT_STRIDE;
constexpr u32 AT_ROWS = AT_STATISTICS + ROWS * SHARERS * 4;
constexpr u32 AT_RING = AT_ROWS + ROWS * 3 * 4;
// And RING words. attention-shapes.ts computes the same sum.

struct alignas(4 * SHARERS) Sharers {
  float of[SHARERS];
};

extern "C" __global__ void __launch_bounds__(THREADS, 1)
    latent_attention(u8* out, const u8* query, const u8* query_rope, const u8* key_cache, const u8* value_cache, const int* positions, const int* rows,
                     const int* tables, u8* scratch, u32 tokens, u32 heads, u32 kv_heads, u32 page_size, u32 pages_per_sequence, u32 tile_tokens,
                     u32 least, float scale) {
  extern __shared__ __align__(16) u8 memory[];
  const u32 base = shared_address(memory);
  const u32 weights = base + AT_WEIGHTS;
  float* const statistics = reinterpret_cast<float*>(memory + AT_STATISTICS);
  // Of a row: places it sees, its sequence, and which of all queries it is.
  u32* const ends = reinterpret_cast<u32*>(memory + AT_ROWS);
  u32* const sequences = ends + ROWS;
  u32* const query_rows = sequences + ROWS;
  u32* const ring = reinterpret_cast<u32*>(memory + AT_RING);
  const u32 thread = threadIdx.x, warp = thread / 32, lane = lane_id();

  // Which rows: heads of one head of the cache, of tokens from `token` on.
  const u32 group = heads / kv_heads;
  const u32 head_tiles = (group + ROWS - 1) / ROWS;
  const u32 unit = blockIdx.x % (kv_heads * head_tiles);
  const u32 kv_head = unit / head_tiles;
  const u32 tile_heads = min(group, ROWS);
  const u32 head_begin = kv_head * group + unit % head_tiles * ROWS;
  const u32 head_end = min(head_begin + ROWS, (kv_head + 1) * group);
  const u32 token = blockIdx.x / (kv_heads * head_tiles) * tile_tokens;
  const u32 token_count = min(tile_tokens, tokens - token);
  const u32 used = tile_tokens * tile_heads;
  const u32 own_token = thread / tile_heads, own_head = head_begin + thread % tile_heads;
  const bool own_there = own_token < token_count && own_head < head_end;

  release_next_kernel();
  wait_for_previous_kernel();
  if (thread < ROWS) {
    ends[thread] = own_there ? u32(positions[token + own_token]) + 1 : 0;
    sequences[thread] = own_there ? u32(rows[token + own_token]) : NOWHERE;
    query_rows[thread] = own_there ? (token + own_token) * heads + own_head : NOWHERE;
  }
  __syncthreads();
  u32 most = 0;
  for (u32 row = 0; row < used; row += tile_heads) most = max(most, ends[row]);
  const u32 share = (max(least, (most + gridDim.y - 1) / gridDim.y) + PLACES - 1) / PLACES * PLACES;
  const u32 shares = (most + share - 1) / share;
  if (blockIdx.y >= shares) return;

  for (u32 row = warp; row < ROWS; row += WARPS) {
    const u32 from = query_rows[row];
    for (u32 pack = lane; pack < DEPTH / 8; pack += 32)
      copy_query(base + row * KEY_STRIDE, query, query_rope, from != NOWHERE ? from : 0, pack, from != NOWHERE);
  }

  // As one of the warps that compute scores: rows lane / 4 and that + 8 of the warp's 16, its own places.
  const u32 score_row = warp / SHARERS * 16 + lane / 4;
  const u32 score_place = warp % SHARERS * EIGHTS * 8;
  const u32 query_rows_at = rows_address(base, KEY_STRIDE, warp / SHARERS * 16, 0);
  const u32 wide_lane = wide_address(0, KEY_STRIDE, score_place, 0), narrow_lane = (score_place + lane % 8) * KEY_STRIDE + lane / 8 % 2 * 16;
  float sum[2] = {0.f, 0.f};
  float own_maximum[2] = {minus_infinity(), minus_infinity()};
  // As one of those that sum values: all rows, its own columns. Every warp knows the largest score of every row.
  float maximum[TILES][2];
  float sums[TILES][OWN][4] = {};
#pragma unroll
  for (u32 t = 0; t < TILES; t++) maximum[t][0] = maximum[t][1] = minus_infinity();
  const float factor = scale * LOG2E;
  const u32 key_row = kv_heads * (KEY_PACKS * 16);
  const u32 value_row = kv_heads * (VALUE_PACKS * 16);
  const u8* const keys = key_cache + kv_head * (KEY_PACKS * 16) + lane * 16;
  const u8* const values = value_cache + kv_head * (VALUE_PACKS * 16) + lane * 16;
  // A warp copies some rows, a row at a time: lane i has the slot of its row i.
  constexpr u32 COPIED = PLACES / WARPS;
  const u32 copied = warp * COPIED + lane % COPIED;
  const auto copy_tile = [&](u32 stage, u32 slot) {
    const u32 to = base + AT_STAGES + stage * STAGE_BYTES + warp * COPIED * KEY_STRIDE + lane * 16;
    const u32 values_to = base + AT_STAGES + stage * STAGE_BYTES + PLACES * KEY_STRIDE + warp * COPIED * VALUE_STRIDE + lane * 16;
#pragma unroll
    for (u32 row = 0; row < COPIED; row++) {
      const u32 at = __shfl_sync(ALL_LANES, slot, row);
      const bool there = at != NOWHERE;
      const u8* const from = keys + (there ? u64(at) * key_row : 0);
#pragma unroll
      for (u32 pack = 0; pack < DEPTH / 8; pack += 32)
        if (lane + pack < DEPTH / 8) copy_pack(to + row * KEY_STRIDE + pack * 16, lane + pack < KEY_PACKS ? from + pack * 16 : keys, there && lane + pack < KEY_PACKS);
      if (LATENT) continue;
      const u8* const values_from = values + (there ? u64(at) * value_row : 0);
#pragma unroll
      for (u32 pack = 0; pack < VALUE_PACKS; pack += 32)
        if (lane + pack < VALUE_PACKS) copy_pack(values_to + row * VALUE_STRIDE + pack * 16, values_from + pack * 16, there);
    }
  };

  for (u32 first = 0; first < used; first += tile_heads) {
    // Once for every sequence that the tile has tokens of: when the first of them comes.
    const u32 sequence = sequences[first];
    bool seen = sequence == NOWHERE;
    for (u32 row = first; row > 0 && !seen; row -= tile_heads) seen = sequences[row - tile_heads] == sequence;
    if (seen) continue;
    u32 end = 0;
    for (u32 row = first; row < used; row += tile_heads) end = sequences[row] == sequence ? max(end, ends[row]) : end;
    const u32 begin = blockIdx.y * share;
    end = min(end, begin + share);
    if (begin >= end) continue;
    u32 row_end[2];
#pragma unroll
    for (u32 half = 0; half < 2; half++) row_end[half] = sequences[score_row + 8 * half] == sequence ? ends[score_row + 8 * half] : 0;
    const int* const table = tables + u64(sequence) * pages_per_sequence;
    const u32 count = (end - begin + PLACES - 1) / PLACES;

    // All warps have read what this overwrites.
    __syncthreads();
    copy_entries<THREADS>(base + AT_RING, table, begin, 0, RING, end, page_size);
    end_copies();
    wait_for_copies<0>();
    __syncthreads();
#pragma unroll
    for (u32 i = 0; i < STAGES - 1; i++) {
      if (i < count) copy_tile(i, slot_of(ring, begin, i * PLACES + copied, end, page_size));
      end_copies();
    }
    Fragment kept[KEPT > 0 ? KEPT : 1];
#pragma unroll
    for (int k = 0; k < KEPT; k++) kept[k] = load_matrices(query_rows_at + k * 32);
    u32 stage = 0, next_stage = STAGES - 1;
    for (u32 i = 0; i < count; i++) {
      wait_for_copies<STAGES - 2>();
      __syncthreads();
      if (i > 0 && i * PLACES % (RING / 2) == 0)
        copy_entries<THREADS>(base + AT_RING, table, begin, i * PLACES + RING / 2, RING / 2, end, page_size);
      const u32 next = i + STAGES - 1;
      if (next < count) copy_tile(next_stage, slot_of(ring, begin, next * PLACES + copied, end, page_size));
      end_copies();

      // Scores, in chains of products that do not wait for each other.
      const u32 tile = base + AT_STAGES + stage * STAGE_BYTES;
      float score[EIGHTS][4] = {}, chains[CHAINS][EIGHTS][4] = {};
#pragma unroll
      for (u32 first_depth = 0; first_depth < SIXTEENS; first_depth += BATCH) {
        // Loads first, so that they are under way together.
        Fragment a[BATCH], b[BATCH / 2][EIGHTS];
#pragma unroll
        for (u32 k = 0; k < BATCH; k += 2) {
          const u32 at = first_depth + k;
          if (at >= SIXTEENS) continue;
          a[k] = int(at) < KEPT ? kept[int(at) < KEPT ? at : 0] : load_matrices(query_rows_at + at * 32);
          if (at + 1 < SIXTEENS) a[k + 1] = int(at + 1) < KEPT ? kept[int(at + 1) < KEPT ? at + 1 : 0] : load_matrices(query_rows_at + at * 32 + 32);
          // Where 16 elements are left, the upper lanes' addresses repeat those of the lower.
#pragma unroll
          for (u32 n = 0; n < EIGHTS; n++) b[k / 2][n] = load_matrices(tile + (at + 1 < SIXTEENS ? wide_lane : narrow_lane) + n * 8 * KEY_STRIDE + at * 32);
        }
#pragma unroll
        for (u32 k = 0; k < BATCH; k++)
#pragma unroll
          for (u32 n = 0; n < EIGHTS; n++)
            if (first_depth + k < SIXTEENS) multiply(chains[k % CHAINS][n], a[k], b[k / 2][n].r[k % 2 * 2], b[k / 2][n].r[k % 2 * 2 + 1]);
      }
      float high[2] = {minus_infinity(), minus_infinity()};
#pragma unroll
      for (u32 n = 0; n < EIGHTS; n++)
#pragma unroll
        for (u32 j = 0; j < 4; j++) {
          const u32 place = begin + i * PLACES + score_place + n * 8 + lane % 4 * 2 + j % 2;
#pragma unroll
          for (u32 c = 0; c < CHAINS; c++) score[n][j] += chains[c][n][j];
          score[n][j] = place < row_end[j / 2] ? score[n][j] * factor : minus_infinity();
          high[j / 2] = fmaxf(high[j / 2], score[n][j]);
        }
#pragma unroll
      for (u32 half = 0; half < 2; half++) {
        high[half] = row_max(high[half]);
        if (lane % 4 == 0) statistics[(score_row + 8 * half) * SHARERS + warp % SHARERS] = high[half];
      }
      __syncthreads();

      float shrink[TILES][2];
      bool grew = false;
#pragma unroll
      for (u32 t = 0; t < TILES; t++)
#pragma unroll
        for (u32 half = 0; half < 2; half++) {
          float now = maximum[t][half];
          const Sharers highs = reinterpret_cast<const Sharers*>(statistics)[t * 16 + lane / 4 + 8 * half];
#pragma unroll
          for (u32 k = 0; k < SHARERS; k++) now = fmaxf(now, highs.of[k]);
          const float under = exponent_base(now);
          shrink[t][half] = exp2_fast(maximum[t][half] - under);
          grew = grew || now != maximum[t][half];
          maximum[t][half] = now;
        }
      // The same of the rows whose scores this warp has.
      float own_base[2];
#pragma unroll
      for (u32 half = 0; half < 2; half++) {
        const Sharers highs = reinterpret_cast<const Sharers*>(statistics)[score_row + 8 * half];
        float now = own_maximum[half];
#pragma unroll
        for (u32 k = 0; k < SHARERS; k++) now = fmaxf(now, highs.of[k]);
        own_base[half] = exponent_base(now);
        sum[half] *= exp2_fast(own_maximum[half] - own_base[half]);
        own_maximum[half] = now;
      }
#pragma unroll
      for (u32 n = 0; n < EIGHTS; n++)
#pragma unroll
        for (u32 half = 0; half < 2; half++) {
          const float x = exp2_fast(score[n][2 * half] - own_base[half]), y = exp2_fast(score[n][2 * half + 1] - own_base[half]);
          sum[half] += x + y;
          const u32 at = AT_WEIGHTS + (score_row + 8 * half) * WEIGHT_STRIDE + (score_place + n * 8 + lane % 4 * 2) * 2;
          *reinterpret_cast<u32*>(memory + at) = narrow(x, y);
        }
      __syncthreads();

      if (__any_sync(ALL_LANES, grew)) {
#pragma unroll
        for (u32 t = 0; t < TILES; t++)
#pragma unroll
          for (u32 n = 0; n < OWN; n++)
#pragma unroll
            for (u32 j = 0; j < 4; j++) sums[t][n][j] *= shrink[t][j / 2];
      }
#pragma unroll
      for (u32 k = 0; k < PLACES; k += 32) {
        Fragment a[TILES][2];
#pragma unroll
        for (u32 t = 0; t < TILES; t++) {
          a[t][0] = load_matrices(rows_address(weights, WEIGHT_STRIDE, t * 16, k));
          a[t][1] = load_matrices(rows_address(weights, WEIGHT_STRIDE, t * 16, k + 16));
        }
        const u32 value_tile = tile + (LATENT ? 0 : PLACES * KEY_STRIDE) + (k + lane) * VALUE_STRIDE + warp * OWN * 16;
#pragma unroll
        for (u32 n = 0; n < OWN; n++) {
          // Of columns that are not there, the last one's stand in.
          const u32 over = OWN * WARPS == COLUMNS || warp * OWN + n < COLUMNS ? 0 : warp * OWN + n - (COLUMNS - 1);
          const Fragment b = load_transposed(value_tile + n * 16 - over * 16);
#pragma unroll
          for (u32 t = 0; t < TILES; t++) {
            multiply(sums[t][n], a[t][0], b.r[0], b.r[1]);
            multiply(sums[t][n], a[t][1], b.r[2], b.r[3]);
          }
        }
      }
      stage = stage + 1 == STAGES ? 0 : stage + 1;
      next_stage = next_stage + 1 == STAGES ? 0 : next_stage + 1;
    }
  }

  // Sums of weights, over the lanes and the warps that share a row.
  __syncthreads();
#pragma unroll
  for (u32 half = 0; half < 2; half++) {
    const float all = row_sum(sum[half]);
    if (lane % 4 == 0) statistics[(score_row + 8 * half) * SHARERS + warp % SHARERS] = all;
  }
  __syncthreads();
  const Shares left(scratch, used);
#pragma unroll
  for (u32 t = 0; t < TILES; t++)
#pragma unroll
    for (u32 half = 0; half < 2; half++) {
      const u32 row = t * 16 + lane / 4 + 8 * half;
      if (query_rows[row] == NOWHERE) continue;
      float all = 0.f;
#pragma unroll
      for (u32 k = 0; k < SHARERS; k++) all += statistics[row * SHARERS + k];
      if (shares > 1 && warp == 0 && lane % 4 == 0) left.statistics[left.own + row] = make_float2(maximum[t][half], all);
      const float inverse = reciprocal(all);
      u8* const to = out + u64(query_rows[row]) * (VALUE * 2);
      float* const left_to = left.sums + (left.own + row) * VALUE;
#pragma unroll
      for (u32 n = 0; n < OWN; n++) {
        const u32 column = (warp * OWN + n) * 8 + lane % 4 * 2;
        if (OWN * WARPS != COLUMNS && column >= VALUE) continue;
        const float x = sums[t][n][2 * half], y = sums[t][n][2 * half + 1];
        if (shares == 1)
          *reinterpret_cast<u32*>(to + column * 2) = narrow(x * inverse, y * inverse);
        else
          *reinterpret_cast<float2*>(left_to + column) = make_float2(x, y);
      }
    }
  if (shares > 1) left.merge<THREADS>(shares, reinterpret_cast<float*>(memory + AT_STAGES), query_rows, out);
}
