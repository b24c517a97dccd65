// Mailboxes whose data is its own flag. A word of a mailbox is empty while it is all ones, and a sender never sends such a word.
//
// A word of all ones is two NaNs of a 16-bit type, or one f32 NaN; the sender makes it another NaN, which loses nothing. The reader empties the
// words again right after reading.
//
// A *packet* is 128 bytes of a message, of 32, 16 or 8 threads with 1, 2 or 4 words each. Packet p of a rank is exchanged only with packet p of its peers, and
// has an epoch of its own, so any grid, block size, words a thread and kernel may follow any other on the same mailboxes.
//
// Two halves suffice: a peer fills half h again two calls later, which it starts only after it has received this rank's packet of the call
// in between, and that was sent after this rank's kernel that emptied h had ended. (Lamport-style buffers of TensorRT-LLM and FlashInfer
// use three, a clearing pass and -0.0; docs/kernels.md has what was measured.)
#pragma once
#include "layout.cuh"
#include "wait.cuh"
#include "words.cuh"

#ifndef WORLD
#define WORLD 4
#endif

constexpr u32 EMPTY = 0xffffffffu;
constexpr u32 HALF_BYTES = (WORLD - 1) * PACKET_BYTES;

#define EACH_PEER(i) _Pragma("unroll") for (u32 i = 1; i < WORLD; i++)
#define EACH_RANK(r) _Pragma("unroll") for (u32 r = 0; r < WORLD; r++)

// The i-th peer of a rank: every rank begins with another one, so that no link gets everything at once.
DEVICE u32 peer_of(u32 rank, u32 i) { return rank + i < WORLD ? rank + i : rank + i - WORLD; }
// Where the packet of `source` lies among those that `rank` receives.
DEVICE u32 seat_of(u32 source, u32 rank) { return (source > rank ? source - 1 : source) * PACKET_BYTES; }

template <u32 N>
DEVICE Words<N> sendable(Words<N> v) {
#pragma unroll
  for (u32 i = 0; i < N; i++) v.w[i] = v.w[i] == EMPTY ? 0x7fffffffu : v.w[i];
  return v;
}
template <u32 N>
DEVICE bool arrived(const Words<N>& v) {
  bool all = true;
#pragma unroll
  for (u32 i = 0; i < N; i++) all = all && v.w[i] != EMPTY;
  return all;
}

// Waits for this thread's words from all peers: box[r] for r != rank. False when it was given up.
template <u32 N>
DEVICE bool receive(const Launch& a, const u8* half, Words<N> (&box)[WORLD]) {
  Deadline deadline;
  for (;;) {
    bool all = true;
    EACH_RANK(r) if (r != a.rank) load_shared(half + seat_of(r, a.rank), box[r]);
    EACH_RANK(r) if (r != a.rank) all = all && arrived(box[r]);
    if (all) return true;
    if (deadline.passed(a, WORLD)) return false;
  }
}
// Empties what `receive` has read.
template <u32 N>
DEVICE void rearm(u8* half) {
  Words<N> empty;
#pragma unroll
  for (u32 i = 0; i < N; i++) empty.w[i] = EMPTY;
#pragma unroll
  for (u32 s = 0; s < WORLD - 1; s++) store_shared(half + s * PACKET_BYTES, empty);
}
