// Rows of [tokens, hidden] dealt out to warps, and RMSNorm of a row, whose bits are the same in every kernel that includes this.
//
// A row begins a unit of its own: its *slots* are packs of 16 bytes, the last one partly filled where `hidden` asks for it, and its *units*
// are 32 slots, one a lane. Some warps of a block work on a row together, and a block has as many rows at a time as it has warps for.
//
// Squares are summed in one order, whatever the kernel and its grid: even and odd elements of a pack, the two of them, the lanes of a unit
// as a butterfly, then units by fours, every eighth four in ascending order, and those eight sums as a butterfly. What lies behind the end
// of a row is zero and changes no sum.
#pragma once
#include "number.cuh"

// Turns that a warp takes at a row: units that it has of the row, or groups of SPAN neighbouring ones.
#ifndef TURNS
#define TURNS 1
#endif
#ifndef SPAN
#define SPAN 1
#endif

constexpr u32 WHOLE_WARP = 0xffffffffu;
constexpr u32 LANES = 32;
// Packs that a lane holds of a row.
constexpr u32 PACKS = TURNS * SPAN;
// Enough for the units of all rows of a block, each row's number of them rounded up to a multiple of four: a block has 32 warps at most.
constexpr u32 PARTIALS = 32 * PACKS + 96;

DEVICE u32 load_element(const u8* p) {
  u32 bits;
#if DTYPE == 0
  asm volatile("ld.global.u32 %0, [%1];" : "=r"(bits) : "l"(p) : "memory");
#else
  asm volatile("ld.global.u16 %0, [%1];" : "=r"(bits) : "l"(p) : "memory");
#endif
  return bits;
}
DEVICE void store_element(u8* p, u32 bits) {
#if DTYPE == 0
  asm volatile("st.global.u32 [%0], %1;" ::"l"(p), "r"(bits) : "memory");
#else
  asm volatile("st.global.u16 [%0], %1;" ::"l"(p), "r"(bits) : "memory");
#endif
}
// Loads and stores of `count` elements at any alignment, of rows that do not begin at multiples of 16 bytes. One by one: kernels here have many
// loads, such rows are rare, and instructions that nobody runs slow down those that everybody does.
DEVICE Pack gather_elements(const u8* p, u32 count) {
  Pack v{};
#pragma unroll 1
  while (count-- > 0) {
#if DTYPE == 0
    v = {load_element(p + 4 * count), v.x, v.y, v.z};
#else
    v = {v.x << 16 | load_element(p + 2 * count), __funnelshift_l(v.x, v.y, 16), __funnelshift_l(v.y, v.z, 16), __funnelshift_l(v.z, v.w, 16)};
#endif
  }
  return v;
}
DEVICE void scatter_elements(u8* p, u32 count, Pack v) {
#pragma unroll 1
  for (; count > 0; count--, p += ELEMENT_BYTES) {
    store_element(p, v.x);
#if DTYPE == 0
    v = {v.y, v.z, v.w, 0};
#else
    v = {__funnelshift_r(v.x, v.y, 16), __funnelshift_r(v.y, v.z, 16), __funnelshift_r(v.z, v.w, 16), v.w >> 16};
#endif
  }
}

struct Rows {
  u32 slots;
  u32 units;
  u32 groups;     // of SPAN units
  u32 warps;      // that work on a row
  u32 per_block;  // rows of a block
  u32 place;      // of this warp's row among them; per_block or more for warps that are left over
  u32 warp;       // this one's number among those of its row
  u32 step;       // rows of the whole grid
  bool aligned;   // every row of every tensor begins at a multiple of 16 bytes

  __device__ __forceinline__ explicit Rows(const Launch& a) {
    slots = (a.hidden + ELEMENTS - 1) / ELEMENTS;
    units = (slots + LANES - 1) / LANES;
    groups = (units + SPAN - 1) / SPAN;
    warps = (groups + TURNS - 1) / TURNS;
    per_block = blockDim.x / LANES / warps;
    place = threadIdx.x / LANES / warps;
    warp = threadIdx.x / LANES - place * warps;
    step = gridDim.x * per_block;
    aligned = a.aligned && a.hidden % ELEMENTS == 0;
  }
  // The group of this warp's turn t, and the unit of its pack k. Those from `groups` and `units` on are not there.
  __device__ __forceinline__ u32 group(u32 t) const { return warp + t * warps; }
  __device__ __forceinline__ u32 unit(u32 k) const { return group(k / SPAN) * SPAN + k % SPAN; }
  // Of this lane's pack of a unit: its number in the row, and its elements that are there.
  __device__ __forceinline__ u32 slot(u32 unit) const { return unit * LANES + lane_id(); }
  __device__ __forceinline__ u32 elements(const Launch& a, u32 unit) const {
    return u32(max(0, min(int(ELEMENTS), int(a.hidden) - int(slot(unit) * ELEMENTS))));
  }
  // Where this row's sums are among those of the block.
  __device__ __forceinline__ u32 partials() const { return place * ((units + 3) & ~3u); }
  // This lane's pack of a unit, in a tensor of DTYPE whose first row is at `base`, and the row `offset` bytes behind it.
  template <class Offset> __device__ __forceinline__ Pack load(const Launch& a, const u8* base, Offset offset, u32 unit) const {
    const u8* p = base + (offset + slot(unit) * 16);
    if (!aligned) return gather_elements(p, elements(a, unit));
    return slot(unit) < slots ? load_pack(p) : Pack{};
  }
  template <class Offset> __device__ __forceinline__ void store(const Launch& a, u8* base, Offset offset, u32 unit, Pack v) const {
    u8* p = base + (offset + slot(unit) * 16);
    if (!aligned)
      scatter_elements(p, elements(a, unit), v);
    else if (slot(unit) < slots)
      store_pack(p, v);
  }
};

// Bytes from the first row to another, in a tensor of DTYPE: in 32 bits for what fits mailboxes.
template <class Offset> DEVICE Offset row_offset(const Launch& a, u32 row) { return Offset(row) * (a.hidden * ELEMENT_BYTES); }

DEVICE Pack plus(Pack x, Pack y) {
  Values a = widen(x), b = widen(y);
#pragma unroll
  for (u32 i = 0; i < ELEMENTS; i++) a.v[i] = __fadd_rn(a.v[i], b.v[i]);
  return narrow(a);
}

// Sum of the squares of a unit, in all lanes.
DEVICE float unit_squares(Pack p) {
  const Values x = widen(p);
  float even = __fmul_rn(x.v[0], x.v[0]), odd = __fmul_rn(x.v[1], x.v[1]);
#pragma unroll
  for (u32 i = 2; i < ELEMENTS; i += 2) {
    even = __fmaf_rn(x.v[i], x.v[i], even);
    odd = __fmaf_rn(x.v[i + 1], x.v[i + 1], odd);
  }
  float sum = __fadd_rn(even, odd);
#pragma unroll
  for (u32 lane = LANES / 2; lane > 0; lane /= 2) sum = __fadd_rn(sum, __shfl_xor_sync(WHOLE_WARP, sum, lane));
  return sum;
}

// Sum over the units of a row, in all lanes. `partials` are padded with zeros to a multiple of four.
DEVICE float row_squares(const float* partials, u32 units) {
  float sum = 0;
  for (u32 unit = lane_id() % 8 * 4; unit < units; unit += LANES) {
    const float4 p = *reinterpret_cast<const float4*>(partials + unit);
    sum = __fadd_rn(sum, __fadd_rn(__fadd_rn(p.x, p.y), __fadd_rn(p.z, p.w)));
  }
#pragma unroll
  for (u32 lane = 4; lane > 0; lane /= 2) sum = __fadd_rn(sum, __shfl_xor_sync(WHOLE_WARP, sum, lane));
  return sum;
}

// 1 / sqrt(x) to within an ulp: the hardware's estimate and one step of Newton's method, whose error term is exact in two parts.
DEVICE float reciprocal_root(float x) {
  float r;
  asm("rsqrt.approx.f32 %0, %1;" : "=f"(r) : "f"(x));
  if (!(x > 0 && x < __uint_as_float(0x7f800000u))) return r;
  const float root = __fmul_rn(x, r);
  const float rest = __fmaf_rn(x, r, -root);
  const float error = __fmaf_rn(-rest, r, __fmaf_rn(-root, r, 1.0f));
  return __fmaf_rn(__fmul_rn(0.5f, r), error, r);
}

// `share` is 1 / hidden.
DEVICE float root_mean_square(float squares, float share, float epsilon) { return reciprocal_root(__fmaf_rn(squares, share, epsilon)); }

DEVICE Pack normalized(Pack p, float rstd, Pack weight, bool weighted, float bias) {
  Values x = widen(p), w = widen(weight);
#pragma unroll
  for (u32 i = 0; i < ELEMENTS; i++) {
    x.v[i] = __fmul_rn(x.v[i], rstd);
    if (weighted) x.v[i] = __fmul_rn(x.v[i], __fadd_rn(w.v[i], bias));
  }
  return narrow(x);
}
