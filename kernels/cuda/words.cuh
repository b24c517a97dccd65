// What a thread holds of a message: N words of 32 bits, N of 1, 2 or 4. Few words a thread keep latency low, since each word is unpacked, added and
// packed in turn; many need fewer threads. Which is faster depends on the size, and is measured (`pack_bytes`).
#pragma once
#include "number.cuh"

template <u32 N>
struct alignas(4 * N) Words {
  u32 w[N];
};

// Elements of a word.
constexpr u32 WORD_ELEMENTS = 4 / ELEMENT_BYTES;

template <u32 N>
struct Sums {
  float v[N * WORD_ELEMENTS];
};

template <u32 N>
DEVICE Words<N> load_words(const u8* p) {
  return *reinterpret_cast<const Words<N>*>(p);
}
template <u32 N>
DEVICE void store_words(u8* p, const Words<N>& v) {
  *reinterpret_cast<Words<N>*>(p) = v;
}
// The same at any alignment, of a tensor that ends after `left` more bytes; what is behind the end reads as zero and is not written.
template <u32 N>
DEVICE Words<N> load_some(const u8* p, u32 left) {
  Words<N> v;
#pragma unroll
  for (u32 i = 0; i < N; i++) {
    v.w[i] = 0;
#if DTYPE == 0
    if (4 * i < left) v.w[i] = *reinterpret_cast<const u32*>(p + 4 * i);
#else
    if (4 * i < left) v.w[i] = *reinterpret_cast<const u16*>(p + 4 * i);
    if (4 * i + 2 < left) v.w[i] |= u32(*reinterpret_cast<const u16*>(p + 4 * i + 2)) << 16;
#endif
  }
  return v;
}
template <u32 N>
DEVICE void store_some(u8* p, const Words<N>& v, u32 left) {
#pragma unroll
  for (u32 i = 0; i < N; i++) {
#if DTYPE == 0
    if (4 * i < left) *reinterpret_cast<u32*>(p + 4 * i) = v.w[i];
#else
    if (4 * i < left) *reinterpret_cast<u16*>(p + 4 * i) = u16(v.w[i]);
    if (4 * i + 2 < left) *reinterpret_cast<u16*>(p + 4 * i + 2) = u16(v.w[i] >> 16);
#endif
  }
}

// Memory that peers read or write.
DEVICE void store_shared(u8* p, const Words<1>& v) { store_relaxed(reinterpret_cast<u32*>(p), v.w[0]); }
DEVICE void store_shared(u8* p, const Words<2>& v) {
  asm volatile("st.relaxed.sys.global.v2.u32 [%0], {%1, %2};" ::"l"(p), "r"(v.w[0]), "r"(v.w[1]) : "memory");
}
DEVICE void store_shared(u8* p, const Words<4>& v) { store_relaxed(p, Pack{v.w[0], v.w[1], v.w[2], v.w[3]}); }
DEVICE void load_shared(const u8* p, Words<1>& v) { v.w[0] = load_relaxed(reinterpret_cast<const u32*>(p)); }
DEVICE void load_shared(const u8* p, Words<2>& v) {
  asm volatile("ld.relaxed.sys.global.v2.u32 {%0, %1}, [%2];" : "=r"(v.w[0]), "=r"(v.w[1]) : "l"(p) : "memory");
}
DEVICE void load_shared(const u8* p, Words<4>& v) {
  Pack q = load_relaxed(p);
  v = {q.x, q.y, q.z, q.w};
}

template <u32 N>
DEVICE Sums<N> widen(const Words<N>& v) {
  Sums<N> s;
#pragma unroll
  for (u32 i = 0; i < N; i++) {
#if DTYPE == 0
    s.v[i] = __uint_as_float(v.w[i]);
#else
    s.v[2 * i] = widen_low(v.w[i]);
    s.v[2 * i + 1] = widen_high(v.w[i]);
#endif
  }
  return s;
}
template <u32 N>
DEVICE Words<N> narrow(const Sums<N>& s) {
  Words<N> v;
#pragma unroll
  for (u32 i = 0; i < N; i++) {
#if DTYPE == 0
    v.w[i] = __float_as_uint(s.v[i]);
#else
    v.w[i] = narrow(s.v[2 * i], s.v[2 * i + 1]);
#endif
  }
  return v;
}
template <u32 N>
DEVICE void accumulate(Sums<N>& s, const Words<N>& v) {
  const Sums<N> t = widen(v);
#pragma unroll
  for (u32 i = 0; i < N * WORD_ELEMENTS; i++) s.v[i] = reduce(s.v[i], t.v[i]);
}
// Word by word: a choice between structs would be one between addresses, and put them into memory.
template <u32 N>
DEVICE Words<N> choose(bool first, const Words<N>& a, const Words<N>& b) {
  Words<N> v;
#pragma unroll
  for (u32 i = 0; i < N; i++) v.w[i] = first ? a.w[i] : b.w[i];
  return v;
}
// The reduction over all ranks, in rank order: `box` has what peers sent, `mine` is this rank's.
template <u32 N, u32 RANKS>
DEVICE Words<N> reduce_ranks(const Words<N> (&box)[RANKS], const Words<N>& mine, u32 rank) {
  Sums<N> sum = widen(choose(rank == 0, mine, box[0]));
#pragma unroll
  for (u32 r = 1; r < RANKS; r++) accumulate(sum, choose(r == rank, mine, box[r]));
#if REDUCE == 3
#pragma unroll
  for (u32 i = 0; i < N * WORD_ELEMENTS; i++) sum.v[i] = __fdiv_rn(sum.v[i], float(RANKS));
#endif
  return narrow(sum);
}
