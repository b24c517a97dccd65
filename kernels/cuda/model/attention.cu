// Attention of few tokens a sequence over long caches (flash-decoding): it takes as long as reading the cache does.
//
// A block takes a token and up to 16 query heads that read one head of the cache, and a share of the places: `gridDim.y` shares at most. A warp takes
// a part of the share, 16 places at a time, with copies of the next on their way; warps meet only at the end, where they merge their sums in shared memory.
// Weights are rounded to bf16. The block that ends last of a token merges what the others have left in `scratch`; none waits for another.
#include "attention_merge.cuh"

#ifndef WARPS
#define WARPS 4
#endif
#ifndef STAGES
#define STAGES 2
#endif

constexpr u32 ROWS = 16;
constexpr u32 THREADS = 32 * WARPS;
constexpr u32 PLACES = 16;
constexpr u32 COLUMNS = VALUE / 8;
constexpr u32 SIXTEENS = DEPTH / 16;
// Eights of columns that are loaded at a time.
constexpr u32 BATCH = COLUMNS > 24 ? 4 : 8;
// Tiles of a warp whose entries of the page table are there or on their way.
constexpr u32 ENTRY_TILES = 8;
// Places that one block reads sooner than several could merge what they have read: measured on an H200.
constexpr u32 ALONE = 192;
// Queries of short heads are kept in registers.
constexpr bool KEPT = DEPTH <= 128;

constexpr u32 STAGE_BYTES = PLACES * (KEY_STRIDE + VALUE_STRIDE);
// What warps leave for each other, where tiles were.
constexpr u32 LEFT_STRIDE = VALUE + 8;
constexpr u32 STAGES_BYTES = WARPS * (STAGES * STAGE_BYTES > ROWS * LEFT_STRIDE * 4 ? STAGES * STAGE_BYTES : ROWS * LEFT_STRIDE * 4);
constexpr u32 AT_STAGES = ROWS * KEY_STRIDE;
constexpr u32 AT_ENTRIES = AT_STAGES + STAGES_BYTES;
constexpr u32 AT_STATISTICS = AT_ENTRIES + WARPS * ENTRY_TILES * PLACES * 4;
constexpr u32 AT_FACTORS = AT_STATISTICS + WARPS * ROWS * 8;
// And [MOST_SHARES][ROWS] floats. attention-shapes.ts computes the same sum.
static_assert(LATENT == 0 && ROPE == 0 && STAGES >= 2 && STAGES <= 3, "tiles of a warp");

// The rows of a warp's tile, THERE packs each, filled up with zeros to PACKS; `slot` is that of place lane % 16.
template <u32 PACKS, u32 THERE, u32 STRIDE>
DEVICE void copy_part(u32 to, const u8* from, u32 row_bytes, u32 slot) {
#pragma unroll
  for (u32 k = 0; k < (PLACES * PACKS + 31) / 32; k++) {
    const u32 i = k * 32 + lane_id();
    const u32 row = i / PACKS, pack = i % PACKS;
    const u32 at = __shfl_sync(ALL_LANES, slot, row & 15);
    const bool there = at != NOWHERE && pack < THERE;
    if (PLACES * PACKS % 32 == 0 || row < PLACES)
      copy_pack(to + row * STRIDE + pack * 16, from + (there ? u64(at) * row_bytes + pack * 16 : 0), there);
  }
}

extern "C" __global__ void __launch_bounds__(THREADS, 1)
    attention(u8* out, const u8* query, const u8* key_cache, const u8* value_cache, const int* positions, const int* rows,
              const int* tables, u8* scratch, u32 heads, u32 kv_heads, u32 page_size, u32 pages_per_sequence, float scale) {
  extern __shared__ __align__(16) u8 memory[];
  __shared__ u32 query_rows[ROWS];
  const u32 base = shared_address(memory);
  const u32 thread = threadIdx.x, warp = thread / 32, lane = lane_id();

  const u32 group = heads / kv_heads;
  const u32 head_tiles = (group + ROWS - 1) / ROWS;
  const u32 unit = blockIdx.x % (kv_heads * head_tiles);
  const u32 kv_head = unit / head_tiles;
  const u32 head = kv_head * group + unit % head_tiles * ROWS;
  const u32 used = min(group, ROWS);
  const u32 token = blockIdx.x / (kv_heads * head_tiles);
  const u32 there = min(ROWS, (kv_head + 1) * group - head);
  if (thread < ROWS) query_rows[thread] = thread < there ? token * heads + head + thread : NOWHERE;
  const u32 key_row = kv_heads * (KEY_PACKS * 16);
  const u32 value_row = kv_heads * (VALUE_PACKS * 16);
  const u8* const keys = key_cache + kv_head * (KEY_PACKS * 16);
  const u8* const values = value_cache + kv_head * (VALUE_PACKS * 16);

  release_next_kernel();
  wait_for_previous_kernel();
  const u32 most = u32(positions[token]) + 1;
  const int* const table = tables + u64(u32(rows[token])) * pages_per_sequence;
  const u32 parts = WARPS * (most <= ALONE ? 1 : gridDim.y);
  const u32 part = ((most + parts - 1) / parts + PLACES - 1) / PLACES * PLACES;
  const u32 shares = (most + part * WARPS - 1) / (part * WARPS);
  if (blockIdx.y >= shares) return;
  const u32 begin = (blockIdx.y * WARPS + warp) * part;
  const u32 end = min(most, begin + part);
  const u32 count = begin < end ? (end - begin + PLACES - 1) / PLACES : 0;

  // The first tiles' entries are loaded, later ones copied with tiles before them: a load would be answered only after all copies under way.
  u32 page = 0;
  if (begin + lane < end) page = u32(table[page_of(begin + lane, page_size)]);
  for (u32 i = thread; i < ROWS * (DEPTH / 8); i += THREADS) {
    const u32 row = i / (DEPTH / 8);
    copy_query(base + row * KEY_STRIDE, query, nullptr, u64(token) * heads + head + min(row, there - 1), i % (DEPTH / 8), row < there);
  }
  const u32 tiles = base + AT_STAGES + warp * (STAGES_BYTES / WARPS);
  const u32* const entries = reinterpret_cast<const u32*>(memory + AT_ENTRIES) + warp * ENTRY_TILES * PLACES;
  const u32 entries_at = base + AT_ENTRIES + warp * ENTRY_TILES * PLACES * 4;
  const auto copy_tile = [&](u32 tile, u32 stage, u32 slot) {
    const u32 to = tiles + stage * STAGE_BYTES;
    copy_part<DEPTH / 8, KEY_PACKS, KEY_STRIDE>(to, keys, key_row, slot);
    copy_part<VALUE_PACKS, VALUE_PACKS, VALUE_STRIDE>(to + PLACES * KEY_STRIDE, values, value_row, slot);
    // With every tile, the entries of the one that is copied when this one is there.
    const u32 place = begin + (tile + STAGES - 1) * PLACES + lane;
    if (lane < PLACES && place < end)
      copy_word(entries_at + ((tile + STAGES - 1) % ENTRY_TILES * PLACES + lane) * 4, table + page_of(place, page_size));
  };
#pragma unroll
  for (u32 i = 0; i < STAGES - 1; i++) {
    const u32 place = begin + i * PLACES + lane % 16;
    const u32 mine = __shfl_sync(ALL_LANES, page, i * PLACES + lane % 16);
    if (i < count) copy_tile(i, i, place < end ? slot_in(mine, place, page_size) : NOWHERE);
    end_copies();
  }
  // Queries are everybody's.
  wait_for_copies<STAGES - 2>();
  __syncthreads();
  const u32 own_queries = rows_address(base, KEY_STRIDE, 0, 0);
  Fragment kept[KEPT ? SIXTEENS : 1];
  if (KEPT) {
#pragma unroll
    for (u32 k = 0; k < SIXTEENS; k++) kept[k] = load_matrices(own_queries + k * 32);
  }

  const u32 wide_lane = wide_address(0, KEY_STRIDE, 0, 0), narrow_lane = lane % 8 * KEY_STRIDE + lane / 8 % 2 * 16;
  const float factor = scale * LOG2E;
  float maximum[2] = {minus_infinity(), minus_infinity()};
  float sum[2] = {0.f, 0.f};
  float sums[COLUMNS][4] = {};
  u32 stage = 0, next_stage = STAGES - 1;
  for (u32 i = 0; i < count; i++) {
    wait_for_copies<STAGES - 2>();
    __syncwarp();
    const u32 next = i + STAGES - 1;
    if (next < count) {
      const u32 place = begin + next * PLACES + lane % 16;
      copy_tile(next, next_stage, place < end ? slot_in(entries[next % ENTRY_TILES * PLACES + lane % 16], place, page_size) : NOWHERE);
    }
    end_copies();
    const u32 tile = tiles + stage * STAGE_BYTES;
    stage = stage + 1 == STAGES ? 0 : stage + 1;
    next_stage = next_stage + 1 == STAGES ? 0 : next_stage + 1;

    // Scores of even and odd sixteens of elements apart: chains of products that do not wait for each other.
    float score[2][4] = {}, odd[2][4] = {};
#pragma unroll
    for (u32 k = 0; k < SIXTEENS; k += 2) {
      const bool two = k + 1 < SIXTEENS;
      Fragment b[2];
      // Where 16 elements are left, the upper lanes' addresses repeat those of the lower.
#pragma unroll
      for (u32 n = 0; n < 2; n++) b[n] = load_matrices(tile + (two ? wide_lane : narrow_lane) + n * 8 * KEY_STRIDE + k * 32);
      const Fragment a = KEPT ? kept[KEPT ? k : 0] : load_matrices(own_queries + k * 32);
#pragma unroll
      for (u32 n = 0; n < 2; n++) multiply(score[n], a, b[n].r[0], b[n].r[1]);
      if (two) {
        const Fragment more = KEPT ? kept[KEPT ? k + 1 : 0] : load_matrices(own_queries + k * 32 + 32);
#pragma unroll
        for (u32 n = 0; n < 2; n++) multiply(odd[n], more, b[n].r[2], b[n].r[3]);
      }
    }
    const u32 left = end - begin - i * PLACES;
    float now[2] = {maximum[0], maximum[1]};
#pragma unroll
    for (u32 n = 0; n < 2; n++)
#pragma unroll
      for (u32 j = 0; j < 4; j++) {
        score[n][j] = n * 8 + lane % 4 * 2 + j % 2 < left ? (score[n][j] + odd[n][j]) * factor : minus_infinity();
        now[j / 2] = fmaxf(now[j / 2], score[n][j]);
      }
    float under[2], shrink[2];
    bool grew = false;
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
    Fragment weights;
#pragma unroll
    for (u32 n = 0; n < 2; n++)
#pragma unroll
      for (u32 half = 0; half < 2; half++) {
        const float x = exp2_fast(score[n][2 * half] - under[half]), y = exp2_fast(score[n][2 * half + 1] - under[half]);
        sum[half] += x + y;
        weights.r[n * 2 + half] = narrow(x, y);
      }
    const u32 value_tile = tile + PLACES * KEY_STRIDE + lane % 16 * VALUE_STRIDE;
#pragma unroll
    for (u32 first_column = 0; first_column < COLUMNS; first_column += BATCH) {
      Fragment b[BATCH / 2];
#pragma unroll
      for (u32 n = 0; n < BATCH && first_column + n < COLUMNS; n += 2) {
        const u32 column = first_column + n;
        b[n / 2] = load_transposed(value_tile + column * 16 + (column + 1 < COLUMNS ? lane / 16 * 16 : 0));
      }
#pragma unroll
      for (u32 n = 0; n < BATCH && first_column + n < COLUMNS; n++)
        multiply(sums[first_column + n], weights, b[n / 2].r[n % 2 * 2], b[n / 2].r[n % 2 * 2 + 1]);
    }
    __syncwarp();
  }

  // Every warp leaves its sums and statistics where its tiles were.
  float* const left_sums = reinterpret_cast<float*>(memory + AT_STAGES);
  float2* const statistics = reinterpret_cast<float2*>(memory + AT_STATISTICS);
  constexpr u32 WARP_STRIDE = STAGES_BYTES / WARPS / 4;
#pragma unroll
  for (u32 half = 0; half < 2; half++) {
    const u32 row = lane / 4 + 8 * half;
    const float all = row_sum(sum[half]);
    if (row >= there) continue;
    if (lane % 4 == 0) statistics[warp * ROWS + row] = make_float2(maximum[half], all);
#pragma unroll
    for (u32 n = 0; n < COLUMNS; n++)
      *reinterpret_cast<float2*>(left_sums + warp * WARP_STRIDE + row * LEFT_STRIDE + n * 8 + lane % 4 * 2) = make_float2(sums[n][2 * half], sums[n][2 * half + 1]);
  }
  __syncthreads();
  const Shares shared(scratch, used);
  for (u32 i = thread; i < there * (VALUE / 4); i += THREADS) {
    const u32 row = i / (VALUE / 4), column = i % (VALUE / 4) * 4;
    float2 of[WARPS];
    float high = minus_infinity();
#pragma unroll
    for (u32 w = 0; w < WARPS; w++) {
      of[w] = statistics[w * ROWS + row];
      high = fmaxf(high, of[w].x);
    }
    const float low = exponent_base(high);
    float all = 0.f;
    float4 merged = make_float4(0.f, 0.f, 0.f, 0.f);
#pragma unroll
    for (u32 w = 0; w < WARPS; w++) {
      const float f = exp2_fast(of[w].x - low);
      all += f * of[w].y;
      const float4 x = *reinterpret_cast<const float4*>(left_sums + w * WARP_STRIDE + row * LEFT_STRIDE + column);
      merged.x += f * x.x;
      merged.y += f * x.y;
      merged.z += f * x.z;
      merged.w += f * x.w;
    }
    if (shares == 1) {
      const float inverse = reciprocal(all);
      store_values(out, query_rows[row], column, make_float4(merged.x * inverse, merged.y * inverse, merged.z * inverse, merged.w * inverse));
    } else {
      *reinterpret_cast<float4*>(shared.sums + (shared.own + row) * VALUE + column) = merged;
      if (column == 0) shared.statistics[shared.own + row] = make_float2(high, all);
    }
  }
  if (shares > 1) shared.merge<THREADS>(shares, reinterpret_cast<float*>(memory + AT_FACTORS), query_rows, out);
}
