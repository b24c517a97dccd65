// The largest logits of a token, and one of them.
//
// The `choices` largest of many: of every thread's elements the largest; of those, the one with choices - 1 above it. Nothing below it is among the
// choices, and since only `choices` threads have anything that is not, few are left, whose ranks are counted.
#include "order.cuh"
#include "vectors.cuh"

constexpr u32 THREADS = 256;
constexpr u32 MOST_CHOICES = 64;

// K: elements of a thread at most.
template <class Key, u32 K>
struct Largest {
  alignas(16) Key maxima[THREADS];
  Key kept[MOST_CHOICES * K];
  Key limit;
  u32 count;

  __device__ __forceinline__ void begin() {
    if (threadIdx.x == 0) limit = 1, count = 0;
  }
  // From the largest of each thread, 0 when it has none: what all of the choices are not below.
  __device__ __forceinline__ Key find_limit(Key most, u32 choices) {
    maxima[threadIdx.x] = most;
    __syncthreads();
    if (choices == 1) {
#pragma unroll
      for (u32 step = 16; step > 0; step /= 2) {
        const Key other = __shfl_xor_sync(ALL_LANES, most, step);
        most = most > other ? most : other;
      }
      if (lane_id() == 0) atomicMax(&limit, most);
    } else {
      u32 above = 0;
#pragma unroll 16
      for (u32 i = 0; i < THREADS; i++) above += maxima[i] > most ? 1 : 0;
      if (most != 0 && above == choices - 1) limit = most;
    }
    __syncthreads();
    return limit;
  }
  __device__ __forceinline__ u32 keep(Key key) {
    const u32 at = atomicAdd(&count, 1u);
    kept[at] = key;
    return at;
  }
  __device__ __forceinline__ u32 rank_of(Key key) const {
    u32 above = 0;
#pragma unroll 8
    for (u32 i = 0; i < count; i++) above += kept[i] > key ? 1 : 0;
    return above;
  }
};

// A candidate between the two kernels: its order, its number (the lower first), its bits.
DEVICE u64 candidate_of(u32 order, u32 number, u32 bits) { return u64(order) << 48 | u64(~number) << 16 | bits; }

DEVICE void write_choice(float* out, u64 at, u32 bits, float number) {
  out[2 * at] = __uint_as_float(bits << 16);
  out[2 * at + 1] = number;
}

// A block has a slice of a token's row. With one slice, it writes what is asked for; with several, candidates.
template <u32 PACKS>
DEVICE void top_k_of(float* out, const u8* x, u64* candidates, u32 vocabulary, u32 choices, u32 start, u32 slices, u32 whole) {
  constexpr u32 SLICE = THREADS * EIGHT * PACKS;
  __shared__ Largest<u32, EIGHT * PACKS> largest;
  __shared__ u16 bits_of[MOST_CHOICES * EIGHT * PACKS];
  const u32 token = blockIdx.x / slices;
  const u32 slice = blockIdx.x - token * slices;
  const u32 begin = slice * SLICE;
  const u32 size = vocabulary - begin < SLICE ? vocabulary - begin : SLICE;
  const u8* const row = x + (u64(token) * vocabulary + begin) * 2;
  largest.begin();
  release_next_kernel();
  wait_for_previous_kernel();
  Pack packs[PACKS];
#pragma unroll
  for (u32 k = 0; k < PACKS; k++) packs[k] = load_slot(row, k * THREADS + threadIdx.x, size, whole);
  // An element's bits, and its order with its number behind.
  const auto bits_at = [&](u32 k, u32 e) {
    const u32 words[4] = {packs[k].x, packs[k].y, packs[k].z, packs[k].w};
    return words[e / 2] >> (16 * (e & 1)) & 0xffff;
  };
  const auto key_at = [&](u32 k, u32 e) {
    const u32 number = (k * THREADS + threadIdx.x) * EIGHT + e;
    return number < size ? order_of_bf16(bits_at(k, e)) << 16 | (0xffff - number) : 0;
  };
  u32 most = 0;
#pragma unroll
  for (u32 k = 0; k < PACKS; k++)
#pragma unroll
    for (u32 e = 0; e < EIGHT; e++) most = most > key_at(k, e) ? most : key_at(k, e);
  const u32 limit = largest.find_limit(most, choices);
  if (most >= limit) {
#pragma unroll
    for (u32 k = 0; k < PACKS; k++)
#pragma unroll
      for (u32 e = 0; e < EIGHT; e++)
        if (key_at(k, e) >= limit) bits_of[largest.keep(key_at(k, e))] = u16(bits_at(k, e));
  }
  __syncthreads();
  const u64 base = (u64(token) * slices + slice) * choices;
  for (u32 i = threadIdx.x; i < largest.count || i < choices; i += THREADS) {
    const bool there = i < largest.count;
    const u32 key = there ? largest.kept[i] : 0;
    const u32 rank = there ? largest.rank_of(key) : i;
    if (rank >= choices) continue;
    const u32 number = begin + 0xffff - (key & 0xffff);
    if (slices > 1) candidates[base + rank] = there ? candidate_of(key >> 16, number, bits_of[i]) : 0;
    else write_choice(out, base + rank, there ? bits_of[i] : 0xff80u, there ? float(number + start) : -1.0f);
  }
}

extern "C" __global__ void __launch_bounds__(THREADS)
    top_k_1(float* out, const u8* x, u64* candidates, u32 vocabulary, u32 choices, u32 start, u32 slices, u32 whole) {
  top_k_of<1>(out, x, candidates, vocabulary, choices, start, slices, whole);
}
extern "C" __global__ void __launch_bounds__(THREADS)
    top_k_4(float* out, const u8* x, u64* candidates, u32 vocabulary, u32 choices, u32 start, u32 slices, u32 whole) {
  top_k_of<4>(out, x, candidates, vocabulary, choices, start, slices, whole);
}

// A block has a token: the choices among the candidates of its slices, of which there are at most 32 a thread.
extern "C" __global__ void __launch_bounds__(THREADS) top_k_merge(float* out, const u64* candidates, u32 choices, u32 start, u32 slices) {
  __shared__ Largest<u64, 32> largest;
  const u32 count = slices * choices;
  const u64* const own = candidates + u64(blockIdx.x) * count;
  largest.begin();
  release_next_kernel();
  wait_for_previous_kernel();
  u64 most = 0;
#pragma unroll 4
  for (u32 i = threadIdx.x; i < count; i += THREADS) most = most > own[i] ? most : own[i];
  const u64 limit = largest.find_limit(most, choices);
  if (most >= limit)
    for (u32 i = threadIdx.x; i < count; i += THREADS)
      if (own[i] >= limit) largest.keep(own[i]);
  __syncthreads();
  for (u32 i = threadIdx.x; i < largest.count || i < choices; i += THREADS) {
    const bool there = i < largest.count;
    const u64 key = there ? largest.kept[i] : 0;
    const u32 rank = there ? largest.rank_of(key) : i;
    if (rank >= choices) continue;
    const u32 number = ~u32(key >> 16);
    write_choice(out, u64(blockIdx.x) * choices + rank, there ? u32(key & 0xffff) : 0xff80u, there ? float(number + start) : -1.0f);
  }
}

// A block has a token, a thread one of its candidates.
extern "C" __global__ void __launch_bounds__(1024)
    sample(int* out, const float* candidates, const float* temperatures, const float* uniforms, u32 tokens, u32 ranks, u32 choices) {
  __shared__ u64 keys[1024];
  __shared__ float values[MOST_CHOICES];
  __shared__ int numbers[MOST_CHOICES];
  const u32 token = blockIdx.x, i = threadIdx.x;
  const u32 count = ranks * choices;
  const u32 rank = i / choices;
  if (i < MOST_CHOICES) numbers[i] = -1;
  release_next_kernel();
  wait_for_previous_kernel();
  const float temperature = temperatures[token], uniform = uniforms[token];
  u64 key = 0;
  float value = 0;
  int number = -1;
  if (i < count) {
    const float* const from = candidates + ((u64(rank) * tokens + token) * choices + (i - rank * choices)) * 2;
    value = from[0];
    number = int(from[1]);
    if (number >= 0) key = u64(order_of_f32(__float_as_uint(value))) << 32 | ~u32(number);
    keys[i] = key;
  }
  __syncthreads();
  if (key != 0) {
    u32 above = 0;
#pragma unroll 8
    for (u32 j = 0; j < count; j++) above += keys[j] > key || (keys[j] == key && j < i) ? 1 : 0;
    if (above < choices) values[above] = value, numbers[above] = number;
  }
  __syncthreads();
  if (i >= 32) return;
  // Lane l has the choices 2 l and 2 l + 1. What equals the largest weighs 1, be it infinite; NaN and what is absent weigh nothing.
  const float most = values[0];
  float weights[2];
#pragma unroll
  for (u32 k = 0; k < 2; k++) {
    const u32 j = 2 * i + k;
    const bool there = j < choices && numbers[j] >= 0;
    const float weight = !there ? 0 : values[j] == most ? 1 : expf(__fdiv_rn(values[j] - most, temperature));
    weights[k] = weight > 0 ? weight : 0;
  }
  const float own = weights[0] + weights[1];
  float sum = own;
#pragma unroll
  for (u32 step = 1; step < 32; step *= 2) {
    const float lower = __shfl_up_sync(ALL_LANES, sum, step);
    if (i >= step) sum += lower;
  }
  const float goal = uniform * __shfl_sync(ALL_LANES, sum, 31);
  const float before = __shfl_up_sync(ALL_LANES, sum, 1);
  const float first = (i == 0 ? 0 : before) + weights[0];
  // The first choice whose sum is above the goal; where rounding leaves none, the last that weighs anything.
  const u32 found = __ballot_sync(ALL_LANES, own > 0 && sum > goal);
  const u32 any = __ballot_sync(ALL_LANES, own > 0);
  if (!(temperature > 0) || any == 0) {
    if (i == 0) out[token] = numbers[0];
    return;
  }
  const u32 lane = found != 0 ? __ffs(found) - 1 : 31 - __clz(any);
  if (i != lane) return;
  const bool second = weights[1] > 0 && (weights[0] == 0 || !(first > goal));
  out[token] = numbers[2 * lane + (second ? 1 : 0)];
}
