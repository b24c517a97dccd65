// The largest logits of a token, and one of them.
//
// The `choices` largest of many: of every two threads' elements the largest; of those, the one with choices - 1 above it. Nothing below it is among
// the choices, and since only `choices` pairs of threads have anything that is not, few are left, whose ranks are counted.
#include "order.cuh"
#include "vectors.cuh"

constexpr u32 THREADS = 256;
constexpr u32 PAIRS = THREADS / 2;
constexpr u32 MOST_CHOICES = 64;

// Four at a time.
struct alignas(16) Keys {
  u32 keys[4];
};

// How many of the first `count` keys are larger, of which one of two threads takes every other four: what is read together lies together. Keys are
// rounded up to fours by zeros.
DEVICE u32 count_above(const u32* keys, u32 count, u32 half, u32 own) {
  // Several sums, so that no addition waits for the one before.
  u32 above[4] = {};
#pragma unroll 8
  for (u32 i = 4 * half; i < count; i += 8) {
    const Keys v = *reinterpret_cast<const Keys*>(keys + i);
#pragma unroll
    for (u32 k = 0; k < 4; k++) above[k] += v.keys[k] > own ? 1 : 0;
  }
  const u32 sum = above[0] + above[1] + above[2] + above[3];
  return sum + __shfl_xor_sync(ALL_LANES, sum, 1);
}

// K: elements of a thread at most. Keys are distinct, and 0 for what is absent.
template <u32 K>
struct Largest {
  alignas(16) u32 maxima[PAIRS];
  alignas(16) u32 kept[MOST_CHOICES * 2 * K + 4];
  u32 limit;
  u32 count;

  __device__ __forceinline__ void begin() {
    if (threadIdx.x == 0) limit = 1, count = 0;
    __syncthreads();
  }
  // From the largest of each thread: what none of the choices is below. Threads of a pair share the work on its largest.
  __device__ __forceinline__ u32 find_limit(u32 most, u32 choices) {
    if (choices == 1) {
      most = __reduce_max_sync(ALL_LANES, most);
      if (lane_id() == 0) atomicMax(&limit, most);
    } else {
      const u32 other = __shfl_xor_sync(ALL_LANES, most, 1);
      const u32 own = most > other ? most : other;
      const u32 half = threadIdx.x & 1;
      if (half == 0) maxima[threadIdx.x / 2] = own;
      __syncthreads();
      const u32 above = count_above(maxima, PAIRS, half, own);
      if (own != 0 && above == choices - 1) limit = own;
    }
    __syncthreads();
    return limit;
  }
  __device__ __forceinline__ void keep(u32 key) { kept[atomicAdd(&count, 1u)] = key; }
  // When all has been kept: calls `write(key, rank)` for each choice, in no order; with key 0 where there is none.
  template <class Write>
  __device__ __forceinline__ void finish(u32 choices, Write write) {
    __syncthreads();
    if (threadIdx.x < 4) kept[count + threadIdx.x] = 0;
    __syncthreads();
    const u32 half = threadIdx.x & 1;
    for (u32 first = 0; first < count || first < choices; first += PAIRS) {
      const u32 i = first + threadIdx.x / 2;
      const u32 key = i < count ? kept[i] : 0;
      const u32 above = count_above(kept, count, half, key);
      const u32 rank = key != 0 ? above : i;
      if (half == 0 && rank < choices) write(key, rank);
    }
  }
};

// A candidate between the two kernels.
DEVICE u64 candidate_of(u32 order, u32 number, u32 bits) { return u64(order) << 48 | u64(number) << 16 | bits; }

DEVICE void write_choice(float* out, u64 at, u32 bits, float number) {
  out[2 * at] = __uint_as_float(bits << 16);
  out[2 * at + 1] = number;
}

// A block has a slice of a token's row. With one slice, it writes what is asked for; with several, candidates. A key is the order of an element with its
// number in the slice behind it.
template <u32 PACKS>
DEVICE void top_k_of(float* out, const u8* x, u64* candidates, u32 vocabulary, u32 choices, u32 start, u32 slices, u32 whole) {
  constexpr u32 SLICE = THREADS * EIGHT * PACKS;
  constexpr u32 NONE = ~0u;
  __shared__ Largest<EIGHT * PACKS> largest;
  // The slice, for what is read at places that are not known beforehand.
  __shared__ alignas(16) u16 elements[SLICE];
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
#pragma unroll
  for (u32 k = 0; k < PACKS; k++) reinterpret_cast<Pack*>(elements)[k * THREADS + threadIdx.x] = packs[k];
  const auto number_of = [&](u32 i) { return (i / EIGHT * THREADS + threadIdx.x) * EIGHT + i % EIGHT; };
  const auto word_of = [&](u32 i) {
    const u32 words[4] = {packs[i / EIGHT].x, packs[i / EIGHT].y, packs[i / EIGHT].z, packs[i / EIGHT].w};
    return words[i % EIGHT / 2];
  };
  const auto value_of = [&](u32 i) { return i & 1 ? widen_high(word_of(i)) : widen_low(word_of(i)); };
  const auto key_of = [&](u32 bits, u32 number) { return number < size ? order_of_bf16(bits) << 16 | (0xffff - number) : 0; };

  // Values are compared as they are where they can be: NaN and negative infinity are never chosen so.
  float most_value = __uint_as_float(0xff800000u);
  u32 at = NONE;
  if (size == SLICE)
#pragma unroll
    for (u32 i = 0; i < PACKS * EIGHT; i++)
      if (value_of(i) > most_value) most_value = value_of(i), at = i;
  u32 most = 0;
  if (at != NONE) {
    most = key_of(__float_as_uint(most_value) >> 16, number_of(at));
  } else {
#pragma unroll
    for (u32 i = 0; i < PACKS * EIGHT; i++) {
      const u32 key = key_of(__float_as_uint(value_of(i)) >> 16, number_of(i));
      most = most > key ? most : key;
    }
  }
  const u32 limit = largest.find_limit(most, choices);
  if (most >= limit) {
    const float least = value_of_order(limit >> 16);
    u32 found = 0;
#pragma unroll
    for (u32 i = 0; i < PACKS * EIGHT; i++) found |= value_of(i) < least ? 0 : 1u << i;
    for (; found != 0; found &= found - 1) {
      const u32 number = number_of(__ffs(found) - 1);
      const u32 key = key_of(elements[number], number);
      if (key >= limit) largest.keep(key);
    }
  }
  const u64 base = (u64(token) * slices + slice) * choices;
  largest.finish(choices, [&](u32 key, u32 rank) {
    const u32 number = 0xffff - (key & 0xffff);
    const u32 bits = key != 0 ? elements[number] : 0xff80u;
    if (slices > 1) candidates[base + rank] = key != 0 ? candidate_of(key >> 16, begin + number, bits) : 0;
    else write_choice(out, base + rank, bits, key != 0 ? float(begin + number + start) : -1.0f);
  });
}

extern "C" __global__ void __launch_bounds__(THREADS)
    top_k_1(float* out, const u8* x, u64* candidates, u32 vocabulary, u32 choices, u32 start, u32 slices, u32 whole) {
  top_k_of<1>(out, x, candidates, vocabulary, choices, start, slices, whole);
}
extern "C" __global__ void __launch_bounds__(THREADS)
    top_k_4(float* out, const u8* x, u64* candidates, u32 vocabulary, u32 choices, u32 start, u32 slices, u32 whole) {
  top_k_of<4>(out, x, candidates, vocabulary, choices, start, slices, whole);
}

// A block has a token: the choices among the candidates of its slices, of which there are at most K a thread. A key is a candidate's order with its
// place behind it: among equals, the place says which number is lower.
template <u32 K>
DEVICE void merge_of(float* out, const u64* candidates, u32 choices, u32 start, u32 slices) {
  __shared__ Largest<K> largest;
  const u32 count = slices * choices;
  const u64* const own = candidates + u64(blockIdx.x) * count;
  largest.begin();
  release_next_kernel();
  wait_for_previous_kernel();
  u32 keys[K];
#pragma unroll
  for (u32 k = 0; k < K; k++) {
    // Every slice's candidates are sorted: a thread that took always the same of 256 would have the first of many slices.
    const u32 i = k * THREADS + (threadIdx.x + 5 * k) % THREADS;
    const u32 order = i < count ? reinterpret_cast<const u32*>(own + i)[1] >> 16 : 0;
    keys[k] = order != 0 ? order << 16 | (0xffff - i) : 0;
  }
  u32 most = 0;
#pragma unroll
  for (u32 k = 0; k < K; k++) most = most > keys[k] ? most : keys[k];
  const u32 limit = largest.find_limit(most, choices);
  if (most >= limit)
#pragma unroll
    for (u32 k = 0; k < K; k++)
      if (keys[k] >= limit) largest.keep(keys[k]);
  largest.finish(choices, [&](u32 key, u32 rank) {
    const u64 candidate = key != 0 ? own[0xffff - (key & 0xffff)] : 0xff80u;
    const float number = key != 0 ? float(u32(candidate >> 16) + start) : -1.0f;
    write_choice(out, u64(blockIdx.x) * choices + rank, u32(candidate & 0xffff), number);
  });
}

extern "C" __global__ void __launch_bounds__(THREADS) top_k_merge_8(float* out, const u64* candidates, u32 choices, u32 start, u32 slices) {
  merge_of<8>(out, candidates, choices, start, slices);
}
extern "C" __global__ void __launch_bounds__(THREADS) top_k_merge_32(float* out, const u64* candidates, u32 choices, u32 start, u32 slices) {
  merge_of<32>(out, candidates, choices, start, slices);
}

// How many keys of a list, which has the largest first, are larger.
DEVICE u32 count_before(const u64* keys, u32 count, u64 own) {
  u32 before = 0;
#pragma unroll
  for (u32 step = MOST_CHOICES; step > 0; step /= 2)
    if (before + step <= count && keys[before + step - 1] > own) before += step;
  return before;
}

// A block has a token, a thread one of its candidates. Every rank's are sorted, as top_k does it.
extern "C" __global__ void __launch_bounds__(1024)
    sample(int* out, const float* candidates, const float* temperatures, const float* uniforms, u32 tokens, u32 ranks, u32 choices) {
  __shared__ u64 keys[1024];
  __shared__ float values[MOST_CHOICES];
  __shared__ int numbers[MOST_CHOICES];
  const u32 token = blockIdx.x, i = threadIdx.x;
  const u32 rank = i / choices;
  if (i < MOST_CHOICES) numbers[i] = -1;
  release_next_kernel();
  wait_for_previous_kernel();
  const float temperature = temperatures[token], uniform = uniforms[token];
  u64 key = 0;
  float value = 0;
  int number = -1;
  if (rank < ranks) {
    const float* const from = candidates + ((u64(rank) * tokens + token) * choices + (i - rank * choices)) * 2;
    value = from[0];
    number = int(from[1]);
    if (number >= 0) key = u64(order_of_f32(__float_as_uint(value))) << 32 | ~u32(number);
    keys[i] = key;
  }
  __syncthreads();
  if (key != 0) {
    u32 above = i - rank * choices;
#pragma unroll 4
    for (u32 other = 0; other < ranks; other++) above += other == rank ? 0 : count_before(keys + other * choices, choices, key);
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
  const float both = weights[0] + weights[1];
  float sum = both;
#pragma unroll
  for (u32 step = 1; step < 32; step *= 2) {
    const float lower = __shfl_up_sync(ALL_LANES, sum, step);
    if (i >= step) sum += lower;
  }
  const float goal = uniform * __shfl_sync(ALL_LANES, sum, 31);
  const float before = __shfl_up_sync(ALL_LANES, sum, 1);
  const float first = (i == 0 ? 0 : before) + weights[0];
  // The first choice whose sum is above the goal; where rounding leaves none, the last that weighs anything.
  const u32 reached = __ballot_sync(ALL_LANES, both > 0 && sum > goal);
  const u32 any = __ballot_sync(ALL_LANES, both > 0);
  if (!(temperature > 0) || any == 0) {
    if (i == 0) out[token] = numbers[0];
    return;
  }
  const u32 lane = reached != 0 ? __ffs(reached) - 1 : 31 - __clz(any);
  if (i != lane) return;
  const bool second = weights[1] > 0 && (weights[0] == 0 || !(first > goal));
  out[token] = numbers[2 * lane + (second ? 1 : 0)];
}
