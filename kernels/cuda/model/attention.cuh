// What the attention kernels share: matrix instructions, rows of a paged cache on their way into shared memory, and the shapes they are compiled for.
//
// Defines: HEAD, ROPE and VALUE are elements, multiples of 8: a key has HEAD + ROPE of them. LATENT 1: values are the first VALUE elements of
// the keys, and are loaded once. Rows in shared memory begin an odd number of packs apart, so that eight of them meet in no bank.
#pragma once
#include "copies.cuh"
#include "vectors.cuh"

#ifndef HEAD
#define HEAD 128
#endif
#ifndef ROPE
#define ROPE 0
#endif
#ifndef VALUE
#define VALUE 128
#endif
#ifndef LATENT
#define LATENT 0
#endif

constexpr u32 KEY_PACKS = (HEAD + ROPE) / 8;
// Products take 16 elements at a time; the last 8 may be zeros.
constexpr u32 DEPTH = (HEAD + ROPE + 15) / 16 * 16;
constexpr u32 KEY_STRIDE = DEPTH * 2 + 16;
constexpr u32 VALUE_PACKS = VALUE / 8;
constexpr u32 VALUE_STRIDE = LATENT ? KEY_STRIDE : (VALUE_PACKS | 1) * 16;
static_assert(HEAD % 8 == 0 && ROPE % 8 == 0 && VALUE % 8 == 0, "rows are whole packs");

// Slot of a place that is not read.
constexpr u32 NOWHERE = 0xffffffffu;
constexpr float LOG2E = 1.4426950408889634f;

// ---- instructions ----

struct Fragment {
  u32 r[4];
};

// Four 8 x 8 matrices, of which lane i gives the address of row i % 8 of number i / 8.
DEVICE Fragment load_matrices(u32 address) {
  Fragment f;
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(f.r[0]), "=r"(f.r[1]), "=r"(f.r[2]), "=r"(f.r[3])
               : "r"(address));
  return f;
}
DEVICE Fragment load_transposed(u32 address) {
  Fragment f;
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(f.r[0]), "=r"(f.r[1]), "=r"(f.r[2]), "=r"(f.r[3])
               : "r"(address));
  return f;
}
// c [16, 8] += a [16, 16] by b [16, 8]. A lane has c of rows lane / 4 (c[0], c[1]) and that + 8, columns 2 * (lane % 4) and the next.
DEVICE void multiply(float (&c)[4], const Fragment& a, u32 b0, u32 b1) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
               : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
               : "r"(a.r[0]), "r"(a.r[1]), "r"(a.r[2]), "r"(a.r[3]), "r"(b0), "r"(b1));
}
// Where this lane's row of the 16 x 16 elements from `row` and element `depth` on begins, for load_matrices.
DEVICE u32 rows_address(u32 base, u32 stride, u32 row, u32 depth) { return base + (row + lane_id() % 16) * stride + (depth + lane_id() / 16 * 8) * 2; }
// The same of 8 rows and 32 elements.
DEVICE u32 wide_address(u32 base, u32 stride, u32 row, u32 depth) { return base + (row + lane_id() % 8) * stride + (depth + lane_id() / 8 * 8) * 2; }

DEVICE float exp2_fast(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}
DEVICE float reciprocal(float x) {
  float y;
  asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}
// Over the four lanes that share a row.
DEVICE float row_max(float x) {
  x = fmaxf(x, __shfl_xor_sync(ALL_LANES, x, 1));
  return fmaxf(x, __shfl_xor_sync(ALL_LANES, x, 2));
}
DEVICE float row_sum(float x) {
  x += __shfl_xor_sync(ALL_LANES, x, 1);
  return x + __shfl_xor_sync(ALL_LANES, x, 2);
}
DEVICE float minus_infinity() { return __uint_as_float(0xff800000u); }
// What is subtracted from exponents: 0 while a row has seen nothing, so that its weights are 0 and not NaN.
DEVICE float exponent_base(float most) { return most == minus_infinity() ? 0.f : most; }

#define DEVICE_MEMBER __device__ __forceinline__

// Four values of a row of the output.
DEVICE void store_values(u8* out, u64 row, u32 column, float4 v) {
  *reinterpret_cast<uint2*>(out + (row * VALUE + column) * 2) = make_uint2(narrow(v.x, v.y), narrow(v.z, v.w));
}

// ---- the cache ----

// A slot is a row of the cache, of all its heads: page * pageSize + place % pageSize.
// Entries of a sequence's page table are copied ahead of the places they are for, into a ring in shared memory with an entry a place, RING / 2 at a
// time: a load from the cache's own level of memory would be answered only after all copies before it.
constexpr u32 RING = 512;

DEVICE u32 page_of(u32 place, u32 page_size) {
  return (page_size & (page_size - 1)) == 0 ? place >> (__ffs(page_size) - 1) : place / page_size;
}
DEVICE u32 slot_in(u32 page, u32 place, u32 page_size) { return page * page_size + (place - page_of(place, page_size) * page_size); }

// Asks for the entries of `count` places from `place` on, counted from `begin` on.
template <u32 THREADS>
DEVICE void copy_entries(u32 ring, const int* table, u32 begin, u32 place, u32 count, u32 end, u32 page_size) {
  for (u32 i = threadIdx.x; i < count; i += THREADS) {
    const u32 at = begin + place + i;
    if (at < end) copy_word(ring + (place + i) % RING * 4, table + page_of(at, page_size));
  }
}
DEVICE u32 slot_of(const u32* ring, u32 begin, u32 place, u32 end, u32 page_size) {
  const u32 at = begin + place;
  return at < end ? slot_in(ring[place % RING], at, page_size) : NOWHERE;
}

// COUNT rows, 32 at most, of THERE packs, filled up with zeros to PACKS, by all threads of a block: lane i has the slot of row i.
template <u32 COUNT, u32 PACKS, u32 THERE, u32 STRIDE, u32 THREADS>
DEVICE void copy_rows(u32 to, const u8* from, u32 row_bytes, u32 slot) {
  constexpr u32 TIMES = (COUNT * PACKS + THREADS - 1) / THREADS;
#pragma unroll
  for (u32 k = 0; k < TIMES; k++) {
    const u32 i = k * THREADS + threadIdx.x;
    const u32 row = i / PACKS, pack = i % PACKS;
    const u32 at = __shfl_sync(ALL_LANES, slot, row & 31);
    const bool there = at != NOWHERE && pack < THERE;
    if (COUNT * PACKS % THREADS == 0 || i < COUNT * PACKS)
      copy_pack(to + row * STRIDE + pack * 16, from + (there ? u64(at) * row_bytes + pack * 16 : 0), there);
  }
}

// A query of a token and head, HEAD elements from one tensor and ROPE from another: pack number `pack` of it, zeros where it is not there.
DEVICE void copy_query(u32 to, const u8* query, const u8* query_rope, u64 row, u32 pack, bool there) {
  const bool roped = ROPE > 0 && pack >= HEAD / 8;
  const u8* const from = roped ? query_rope + (row * ROPE + (pack - HEAD / 8) * 8) * 2 : query + (row * HEAD + pack * 8) * 2;
  there = there && pack < KEY_PACKS;
  copy_pack(to + pack * 16, there ? from : query, there);
}
