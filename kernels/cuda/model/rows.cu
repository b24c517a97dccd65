// Rows that no other row is involved in: looked up, gated, made. `whole` is 1 where rows are whole packs of 16 bytes; elsewhere, a thread has an element.
#include "vectors.cuh"

// A row of `out` for each token, dealt out to `blocks` blocks.
extern "C" __global__ void __launch_bounds__(256)
    embedding(u8* out, const u8* table, const int* ids, u32 hidden, u32 rows, u32 start, u32 blocks, u32 whole) {
  const u32 token = blockIdx.x / blocks;
  const u32 i = (blockIdx.x - token * blocks) * blockDim.x + threadIdx.x;
  release_next_kernel();
  wait_for_previous_kernel();
  const u32 row = u32(ids[token]) - start;
  const bool there = row < rows;
  const u64 from = u64(row) * hidden, to = u64(token) * hidden;
  if (whole) {
    if (i * EIGHT < hidden) store_pack(out + 2 * to + 16 * i, there ? load_pack(table + 2 * from + 16 * i) : Pack{0, 0, 0, 0});
  } else if (i < hidden) {
    reinterpret_cast<u16*>(out)[to + i] = there ? reinterpret_cast<const u16*>(table)[from + i] : u16(0);
  }
}

// x / (1 + e^-x), by a power that does not overflow.
DEVICE float silu(float x) {
  const float e = __expf(-fabsf(x));
  return x * __fdividef(x < 0 ? e : 1.0f, 1.0f + e);
}

extern "C" __global__ void __launch_bounds__(256) silu_gate(u8* out, const u8* x, u32 tokens, u32 inner, u32 whole) {
  const u32 width = whole ? inner / EIGHT : inner;
  const u32 i = blockIdx.x * blockDim.x + threadIdx.x;
  const u32 token = i / width;
  const u32 column = i - token * width;
  release_next_kernel();
  wait_for_previous_kernel();
  if (token >= tokens) return;
  const u8* const row = x + u64(token) * inner * 4;
  if (whole) {
    Values a = widen(load_pack(row + 16 * column));
    const Values b = widen(load_pack(row + 2 * inner + 16 * column));
#pragma unroll
    for (u32 k = 0; k < EIGHT; k++) a.v[k] = silu(a.v[k]) * b.v[k];
    store_pack(out + u64(token) * inner * 2 + 16 * column, narrow(a));
  } else {
    store_bf16(out, u64(token) * inner + column, silu(bf16_at(row, column)) * bf16_at(row, inner + column));
  }
}

// randomWeight of src/engine/compute-random.ts, of which the bits are these.
DEVICE u32 mix(u32 h) {
  h = (h ^ (h >> 16)) * 0x85ebca6bu;
  h = (h ^ (h >> 13)) * 0xc2b2ae35u;
  return h ^ (h >> 16);
}
DEVICE float random_weight(u64 index, u32 seed, float scale) {
  const u32 bits = mix(mix(seed ^ u32(index)) ^ u32(index >> 32));
  return __fmul_rn(__fsub_rn(__fmul_rn(float(bits >> 8), 1.0f / 8388608.0f), 1.0f), scale);
}

extern "C" __global__ void __launch_bounds__(256)
    fill(u8* out, u32 rows, u32 columns, u32 whole_columns, u32 row, u32 column, u32 seed, u32 whole, float scale) {
  const u32 width = whole ? columns / EIGHT : columns;
  const u32 mixed = mix(seed);
  release_next_kernel();
  wait_for_previous_kernel();
  const u64 count = u64(rows) * width;
  for (u64 i = u64(blockIdx.x) * blockDim.x + threadIdx.x; i < count; i += u64(gridDim.x) * blockDim.x) {
    const u32 r = u32(i / width);
    const u32 c = u32(i - u64(r) * width);
    const u64 first = u64(row + r) * whole_columns + column + (whole ? EIGHT * c : c);
    if (whole) {
      Values v;
#pragma unroll
      for (u32 k = 0; k < EIGHT; k++) v.v[k] = random_weight(first + k, mixed, scale);
      store_pack(out + 16 * i, narrow(v));
    } else {
      store_bf16(out, i, random_weight(first, mixed, scale));
    }
  }
}

// One block, since all threads read the number of steps before it is one more.
extern "C" __global__ void __launch_bounds__(1024) advance(int* ids, int* positions, int* history, int* steps, const int* sampled, u32 tokens, u32 limit) {
  release_next_kernel();
  wait_for_previous_kernel();
  const u32 step = u32(steps[0]);
  __syncthreads();
  if (threadIdx.x == 0) steps[0] = int(step + 1);
  for (u32 t = threadIdx.x; t < tokens; t += blockDim.x) {
    const int id = sampled[t];
    ids[t] = id;
    positions[t] += 1;
    if (step < limit) history[u64(step) * tokens + t] = id;
  }
}
